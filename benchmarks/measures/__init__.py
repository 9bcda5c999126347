"""Measures of trained policies: functions of texts and policies, each with its name, title and unit."""
