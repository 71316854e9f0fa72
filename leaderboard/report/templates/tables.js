// Tables are sorted by their headings, within each group of methods; undefined figures go last. Filters hide rows.
const make = (tag, text, attributes = {}) => {
  const node = document.createElement(tag);
  if (text !== undefined) node.textContent = text;
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  return node;
};

function sortable(table) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    const button = make("button", undefined, { type: "button" });
    button.append(...head.childNodes);
    if (head.dataset.term) { // the button has the focus, so it shows the definition
      button.dataset.term = head.dataset.term;
      delete head.dataset.term;
    }
    head.append(button);
    button.addEventListener("click", () => {
      const up = head.getAttribute("aria-sort") === "descending";
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", up ? "ascending" : "descending");
      for (const body of table.tBodies) {
        const rows = [...body.rows].filter((row) => !row.classList.contains("group"));
        const key = (row) => row.cells[column].dataset.sort ?? row.cells[column].textContent.trim();
        rows.sort((a, b) => {
          const [x, y] = [key(a), key(b)];
          if (x === "" || y === "") return (x === "") - (y === "");
          const order = isNaN(x) || isNaN(y) ? x.localeCompare(y) : x - y;
          return up ? order : -order;
        });
        body.append(...rows);
      }
    });
  });
}

function filterable(section) {
  const form = section.querySelector("form.filter");
  if (!form) return;
  form.hidden = false;
  form.addEventListener("submit", (event) => event.preventDefault());
  const status = form.querySelector("output");
  const items = [...section.querySelectorAll("[data-entry]")];
  const apply = () => {
    const words = form.elements.text.value.toLowerCase().split(/\s+/).filter(Boolean);
    const seen = new Set([...form.querySelectorAll("input[name=sees]:checked")].map((box) => box.value));
    const shown = new Set();
    const all = new Set();
    for (const item of items) {
      const { entry, sees } = item.dataset;
      const fits = seen.has(sees) && words.every((word) => entry.toLowerCase().includes(word));
      item.hidden = !fits;
      all.add(entry);
      if (fits) shown.add(entry);
    }
    for (const body of section.querySelectorAll("tbody")) {
      const heading = body.querySelector("tr.group");
      if (heading) heading.hidden = ![...body.rows].some((row) => row !== heading && !row.hidden);
    }
    for (const part of [...section.querySelectorAll(".dots .tier, .dots .group")]) {
      part.hidden = ![...part.querySelectorAll("li")].some((item) => !item.hidden);
    }
    status.textContent = `${shown.size} of ${all.size} entries shown`;
  };
  form.addEventListener("input", apply);
  form.addEventListener("reset", () => setTimeout(apply));
  apply();
}

document.querySelectorAll("table.sortable").forEach(sortable);
document.querySelectorAll("section.board").forEach(filterable);
