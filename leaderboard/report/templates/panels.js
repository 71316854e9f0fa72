// A panel is filled when it is opened: figures by condition, confusion and reliability by site.
const boards = new Map();
function dataOf(section) {
  if (!boards.has(section)) boards.set(section, JSON.parse(section.querySelector("script.details").textContent));
  return boards.get(section);
}

const number = (thousandths) => {
  if (thousandths === null || thousandths === undefined) return "–";
  const text = (Math.abs(thousandths) / 1000).toFixed(3).replace(/^0/, "");
  return (thousandths < 0 ? "-" : "") + text;
};

function scrolling(table, label) {
  const box = make("div", undefined, { class: "scroll tall", role: "region", tabindex: "0", "aria-label": label });
  box.append(table);
  return box;
}

function headed(caption, heads) {
  const table = make("table");
  const title = make("caption");
  title.append(make("span", caption));
  table.append(title);
  const row = table.createTHead().insertRow();
  heads.forEach((head, index) => row.append(make("th", head, { scope: "col", class: index ? "" : "left entry" })));
  return table;
}

function conditionTable(data, entry) {
  const table = headed("Mean over seeds, 95 % interval below", ["Condition", ...data.metrics.map((m) => m.title)]);
  const body = table.createTBody();
  const width = data.metrics.length * 3;
  data.conditions.forEach((condition, index) => {
    const row = body.insertRow();
    row.append(make("th", condition.key, { scope: "row", class: "entry" }));
    data.metrics.forEach((metric, column) => {
      const [value, low, high] = entry.c.slice(index * width + column * 3, index * width + column * 3 + 3);
      const cell = row.insertCell();
      cell.textContent = number(value);
      if (low !== null && value !== null) cell.append(make("span", `${number(low)} to ${number(high)}`, { class: "interval" }));
    });
  });
  return table;
}

function confusionTable(data, counts, domain) {
  const table = headed(`${domain}: truth in rows, prediction in columns, all seeds`, ["Truth", ...data.classes, "recall"]);
  const body = table.createTBody();
  counts.forEach((line, truth) => {
    const row = body.insertRow();
    const total = line.reduce((a, b) => a + b, 0);
    row.append(make("th", data.classes[truth], { scope: "row", class: "entry" }));
    line.forEach((count, guess) => {
      const share = total ? Math.min(9, Math.floor((count / total) * 10)) : 0;
      row.append(make("td", count, { class: guess === truth ? `p${share}` : `n${share}` }));
    });
    row.append(make("td", total ? number(Math.round((1000 * line[truth]) / total)) : "–"));
  });
  return table;
}

const SVG = "http://www.w3.org/2000/svg";
function draw(tag, attributes, text) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  if (text !== undefined) node.textContent = text;
  return node;
}

function reliability(bins, domain) {
  const figure = make("figure");
  figure.append(make("figcaption", domain));
  const svg = draw("svg", { viewBox: "0 0 220 210", role: "img" });
  const x = (share) => 40 + 168 * share;
  const y = (share) => 172 - 160 * share;
  svg.append(draw("path", { class: "frame", d: `M${x(0)} ${y(1)}V${y(0)}H${x(1)}` }));
  svg.append(draw("path", { class: "diagonal", d: `M${x(0)} ${y(0)}L${x(1)} ${y(1)}` }));
  for (const tick of [0, 0.5, 1]) {
    svg.append(draw("text", { x: x(tick), y: 188, "text-anchor": "middle" }, tick));
    svg.append(draw("text", { x: 34, y: y(tick) + 4, "text-anchor": "end" }, tick));
  }
  svg.append(draw("text", { x: x(0.5), y: 204, "text-anchor": "middle" }, "probability of the top class"));
  const most = Math.max(1, ...bins.map(([count]) => count));
  const described = [];
  for (const [count, confidence, hits] of bins) {
    if (!count) continue;
    const [sure, right] = [confidence / count, hits / count];
    const radius = 2 + 5 * Math.sqrt(count / most);
    const dot = draw("circle", { class: "mark s0", cx: x(sure).toFixed(1), cy: y(right).toFixed(1), r: radius.toFixed(1) });
    dot.append(draw("title", {}, `${count} predictions at ${sure.toFixed(2)}, ${right.toFixed(2)} of them correct`));
    svg.append(dot);
    described.push(`${sure.toFixed(2)}: ${right.toFixed(2)}`);
  }
  svg.setAttribute("aria-label", `Share correct by predicted probability, ${domain}. ${described.join("; ")}`);
  figure.append(svg);
  return figure;
}

function fill(panel, data) {
  const place = panel.querySelector(".more");
  const entry = data.entries[panel.dataset.entry];
  if (!entry || place.childElementCount) return;
  const lines = severityCharts(data, entry);
  if (lines) place.append(make("h3", "By severity"), make("p", "Thin lines are shifts, the thick line is their mean; 0 is clean.", { class: "faint" }), lines);
  place.append(make("h3", "Reliability by site"), make("p", "On the dashed line, probabilities are calibrated; larger dots hold more predictions.", { class: "faint" }));
  const charts = make("div", undefined, { class: "charts small" });
  data.domains.forEach((domain, index) => charts.append(reliability(entry.r[index], domain)));
  place.append(charts);
  if (entry.k.length && entry.k[0].length) {
    place.append(make("h3", "Confusion by site"));
    const tables = make("div", undefined, { class: "charts" });
    data.domains.forEach((domain, index) => tables.append(scrolling(confusionTable(data, entry.k[index], domain), `Confusion on ${domain}`)));
    place.append(tables);
  }
  place.append(make("h3", "By condition"));
  place.append(scrolling(conditionTable(data, entry), `Figures of ${panel.dataset.entry} by condition`));
}

for (const panel of document.querySelectorAll("details[data-entry]")) {
  panel.addEventListener("toggle", () => panel.open && fill(panel, dataOf(panel.closest("section.board"))));
}

// A link to an entry opens its panel.
function follow() {
  const panel = document.querySelector(`details[id="${CSS.escape(location.hash.slice(1))}"]`);
  if (!panel) return;
  panel.hidden = false; // a filter may hide it
  panel.open = true;
  panel.scrollIntoView();
  panel.querySelector("summary").focus();
}
addEventListener("hashchange", follow);
addEventListener("keydown", (event) => document.querySelector(".dots")?.classList.toggle("quiet", event.key === "Escape"));
follow();
