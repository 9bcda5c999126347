// The keyboard reaches what scrolls, and links that are pictures have names.
document.addEventListener("DOMContentLoaded", () => {
  const reach = () => {
    for (const box of document.querySelectorAll("pre, div.table-wrapper, div.math")) {
      if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
      else box.removeAttribute("tabindex");
    }
  };
  reach();
  window.addEventListener("resize", reach);
  for (const card of document.querySelectorAll(".sphx-glr-thumbcontainer")) {
    const title = card.querySelector(".sphx-glr-thumbnail-title");
    for (const link of card.querySelectorAll("a")) {
      if (title) link.setAttribute("aria-label", title.textContent.trim());
    }
  }
});
