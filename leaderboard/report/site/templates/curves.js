// The curves of an entry: each shift of a family over severity, and their mean.
function severityCharts(data, entry) {
  const width = data.metrics.length * 3;
  const clean = entry.c[width * data.conditions.findIndex((condition) => condition.kind === "clean")];
  const families = new Map();
  data.conditions.forEach((condition, index) => {
    const value = entry.c[index * width];
    if (condition.kind !== "synthesized" || value === null) return;
    if (!families.has(condition.family)) families.set(condition.family, new Map());
    const shifts = families.get(condition.family);
    if (!shifts.has(condition.shift)) shifts.set(condition.shift, clean === null ? [] : [[0, clean]]);
    shifts.get(condition.shift).push([condition.step, value]);
  });
  if (!families.size) return null;
  const values = [...families.values()].flatMap((shifts) => [...shifts.values()].flat().map(([, value]) => value));
  const [low, high] = [Math.floor(Math.min(...values) / 100) * 100, Math.ceil(Math.max(...values) / 100) * 100 || 100];
  const charts = make("div", undefined, { class: "charts small" });
  for (const [family, shifts] of families) charts.append(severityChart(family, shifts, low, Math.max(high, low + 100)));
  return charts;
}

function severityChart(family, shifts, low, high) {
  const figure = make("figure");
  figure.append(make("figcaption", family));
  const svg = draw("svg", { viewBox: "0 0 220 150", role: "img" });
  const x = (step) => 34 + 35 * step;
  const y = (value) => 122 - (112 * (value - low)) / (high - low);
  const path = (points) => points.map(([step, value]) => `${x(step)},${y(value).toFixed(1)}`).join(" ");
  for (const value of [low, (low + high) / 2, high]) {
    svg.append(draw("path", { class: "frame", d: `M34 ${y(value)}H212` }));
    svg.append(draw("text", { x: 30, y: y(value) + 4, "text-anchor": "end" }, number(value).slice(0, 3)));
  }
  for (const step of [0, 1, 2, 3, 4, 5]) svg.append(draw("text", { x: x(step), y: 140, "text-anchor": "middle" }, step));
  const sums = new Map();
  for (const [shift, points] of shifts) {
    const line = draw("polyline", { class: "thin", points: path(points) });
    line.append(draw("title", {}, shift));
    svg.append(line);
    for (const [step, value] of points) sums.set(step, [...(sums.get(step) ?? []), value]);
  }
  const mean = [...sums].sort(([a], [b]) => a - b).map(([step, each]) => [step, each.reduce((a, b) => a + b, 0) / each.length]);
  svg.append(draw("polyline", { class: "curve s0", points: path(mean) }));
  const described = mean.map(([step, value]) => `${step}: ${number(Math.round(value))}`).join("; ");
  svg.setAttribute("aria-label", `Mean over the shifts of ${family} by severity. ${described}`);
  figure.append(svg);
  return figure;
}
