"""Agents to compare others with: tokens drawn independently, and another agent's policy at a temperature."""
