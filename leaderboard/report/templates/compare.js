// Two entries side by side. The interval of a difference comes from replicates with the same groups for both.
const SAME_MODELS =
  "With the same seed, these two stand on the same trained network. The intervals below draw the seeds of each by themselves: " +
  "they hold the luck of training twice and are too wide. The comparisons of the ranking pair the seeds, and hold where they differ.";
function replicates(entry, row) {
  entry.bytes ??= Uint8Array.from(atob(entry.s), (letter) => letter.charCodeAt(0));
  const [low, high] = [entry.b[2 * row] / 1e5, entry.b[2 * row + 1] / 1e5];
  const values = [];
  for (let index = row * entry.n; index < (row + 1) * entry.n; index += 1) {
    values.push(entry.bytes[index] === 255 ? NaN : low + ((high - low) * entry.bytes[index]) / 254);
  }
  return values;
}

function difference(one, other, row, value) {
  const [a, b] = [replicates(one, row), replicates(other, row)];
  const gaps = a.map((x, index) => x - b[index]).filter((gap) => !isNaN(gap));
  if (gaps.length < 2 || gaps.length < a.length / 2) return null;
  const mean = gaps.reduce((x, y) => x + y, 0) / gaps.length;
  const spread = Math.sqrt(gaps.reduce((sum, gap) => sum + (gap - mean) ** 2, 0) / (gaps.length - 1));
  return [value - 1960 * spread, value + 1960 * spread];
}

function comparison(data, names, titles) {
  const [one, other] = names.map((name) => data.entries[name]);
  const metric = data.metrics[0];
  const table = headed(`${metric.title}: difference is first minus second, with paired 95 % interval`, ["Condition", ...titles, "Difference", "Interval excludes 0"]);
  const body = table.createTBody();
  const width = data.metrics.length * 3;
  const count = data.conditions.length;
  const add = (title, row, x, y, higher) => {
    const line = body.insertRow();
    line.append(make("th", title, { scope: "row", class: "entry" }));
    line.append(make("td", number(x)), make("td", number(y)));
    const cell = line.insertCell();
    const verdict = line.insertCell();
    if (x === null || y === null) {
      cell.textContent = verdict.textContent = "–";
      return;
    }
    const ends = difference(one, other, row, x - y);
    cell.textContent = (x > y ? "+" : "") + number(x - y);
    if (!ends) {
      verdict.textContent = "–";
      return;
    }
    cell.append(make("span", `${number(Math.round(ends[0]))} to ${number(Math.round(ends[1]))}`, { class: "interval" }));
    const apart = ends[0] > 0 || ends[1] < 0; // uncorrected, so not what the page calls supported
    const better = x > y === higher ? 0 : 1;
    verdict.textContent = apart ? `yes, ${names[better]} better` : "no";
    if (apart) verdict.className = better ? "second" : "firstbetter";
  };
  data.aggregates.forEach((name, index) => {
    const higher = name !== "drop" && metric.higher; // a larger drop is worse, whichever way the metric points
    add(name.replace("/", ": "), count + index, one.a[3 * index], other.a[3 * index], higher);
  });
  data.conditions.forEach((condition, index) => add(condition.key, index, one.c[index * width], other.c[index * width], metric.higher));
  return table;
}

for (const form of document.querySelectorAll("form.compare")) {
  const section = form.closest("section.board");
  const place = section.querySelector(".comparison");
  form.hidden = false;
  const show = () => {
    const chosen = [form.elements.one, form.elements.other];
    const names = chosen.map((select) => select.value);
    const titles = chosen.map((select) => select.selectedOptions[0].text); // say which is claimed
    place.replaceChildren();
    if (names[0] === names[1]) {
      place.append(make("p", "Choose two different entries."));
      return;
    }
    const data = dataOf(section);
    const [one, other] = names.map((name) => data.entries[name].m);
    if (one && one === other) place.append(make("p", SAME_MODELS));
    place.append(scrolling(comparison(data, names, titles), `${names[0]} beside ${names[1]}`));
  };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    show();
  });
}
