// The definition of a term is shown beside it, when the pointer rests on it or it has the focus; Escape hides it.
"use strict";
(() => {
  const tip = document.createElement("div");
  tip.id = "tip";
  tip.setAttribute("role", "tooltip");
  tip.hidden = true;
  let owner = null;
  const meaning = (slug) => document.getElementById(`term-${slug}`)?.nextElementSibling?.textContent;
  const slugOf = (node) => node.dataset.term ?? node.getAttribute("href").replace("#term-", "");
  const hide = () => {
    owner?.removeAttribute("aria-describedby");
    owner = null;
    tip.hidden = true;
  };
  const show = (node) => {
    const text = meaning(slugOf(node));
    if (!text) return;
    hide();
    owner = node;
    tip.textContent = text;
    tip.hidden = false;
    node.setAttribute("aria-describedby", "tip");
    const [box, own, width] = [node.getBoundingClientRect(), tip.getBoundingClientRect(), document.documentElement.clientWidth];
    const below = box.bottom + own.height + 8 < window.innerHeight || box.top < own.height + 8;
    tip.style.left = `${Math.max(8, Math.min(box.left, width - own.width - 8)) + window.scrollX}px`;
    tip.style.top = `${(below ? box.bottom + 4 : box.top - own.height - 4) + window.scrollY}px`;
  };
  const termOf = (event) => event.target.closest?.("a.term, [data-term]");
  document.addEventListener("focusin", (event) => (termOf(event) ? show(termOf(event)) : hide()));
  document.addEventListener("focusout", hide);
  document.addEventListener("mouseover", (event) => {
    const node = termOf(event);
    if (node) show(node);
    else if (owner && owner !== document.activeElement && !tip.contains(event.target)) hide();
  });
  document.addEventListener("click", (event) => {
    const node = event.target.closest?.("a.term");
    if (!node) return;
    event.preventDefault(); // a touch shows the definition instead of leaving the place
    show(node);
  });
  document.addEventListener("keydown", (event) => event.key === "Escape" && hide());
  (document.querySelector("main") ?? document.body).append(tip);
})();
