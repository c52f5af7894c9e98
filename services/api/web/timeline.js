// SPDX-License-Identifier: Apache-2.0
// A client's events drawn over the sectors, and the same as a list. Marks differ by shape and
// letter, not by colour; arrow keys move between them.

import { h, newId, say, show, svg, turns } from "./dom.js";
import { day, has, moment, reportedBy, t, tn } from "./texts.js";
import * as calls from "./calls.js";

const LANES = ["primary", "specialist", "social", "national"];
const SIZE = { width: 960, left: 170, right: 20, top: 30, mark: 22, gap: 4, stack: 4, bottom: 30 };
const LIST_ROWS = 50;
const DAY_MS = 86400000;

const chosen = { days: "365" };

// --- Reading -------------------------------------------------------------------------------------

function partsOf(entry) {
  const parts = {};
  const extension = (entry.extension || []).find((item) => item.url.endsWith("/timeline-entry"));
  for (const item of (extension && extension.extension) || []) {
    const key = Object.keys(item).find((name) => name.startsWith("value"));
    parts[item.url] = item[key];
  }
  return parts;
}

function textOf(concept) {
  const one = Array.isArray(concept) ? concept[0] : concept;
  const coding = (one && one.coding && one.coding[0]) || {};
  // A national contact type is known by its code; sources seldom send its name along.
  const contact = `contact.${coding.code}`;
  if ((coding.system || "").startsWith("urn:oid:1.2.246.537.6.127") && has(contact)) {
    return t(contact);
  }
  return (one && one.text) || coding.display || coding.code || "";
}

// What was measured: a number with its unit, or an answer in words, and what class it falls into.
function valueOf(resource) {
  const quantity = resource.valueQuantity;
  const value = quantity ? [quantity.value, quantity.unit] : [resource.valueInteger,
    resource.valueString, resource.valueCodeableConcept && textOf(resource.valueCodeableConcept)];
  const said = value.filter((part) => part !== undefined && part !== "").join(" ");
  const meaning = resource.interpretation && textOf(resource.interpretation);
  return meaning ? `${said} (${meaning})` : said;
}

function wordsOf(resource) {
  const words = [];
  if (resource.status === "noshow") {
    words.push(t("noshow"));
  }
  if (resource.class && resource.class.code === "EMER") {
    words.push(t("emergency"));
  }
  if (resource.resourceType === "Flag") {
    const author = (resource.author && resource.author.identifier) || {};
    return [t("concernRaised"), reportedBy(author.value)].filter((word) => word).join(", ");
  }
  words.push(textOf(resource.code) || textOf(resource.type) || textOf(resource.serviceType) ||
    textOf(resource.category) || textOf(resource.reasonCode));
  if (resource.resourceType === "Observation") {
    words.push(valueOf(resource));
  }
  return words.filter((word) => word).join(", ");
}

function eventOf(entry) {
  const parts = partsOf(entry);
  const resource = entry.resource;
  return {
    reference: `${resource.resourceType}/${resource.id}`,
    kind: has(`kind.${parts.kind}`) ? parts.kind : "other",
    sector: LANES.includes(parts.sector) ? parts.sector : "",
    start: new Date(parts.start),
    end: parts.end ? new Date(parts.end) : null,
    unit: parts.unit || "",
    words: wordsOf(resource),
    isWithdrawn: parts.withdrawn === true,
    isNoshow: resource.status === "noshow",
    isEmergency: Boolean(resource.class && resource.class.code === "EMER"),
  };
}

function labelOf(event, isCounted) {
  return [day(event.start), t(`sector.${event.sector}`), t(`kind.${event.kind}`), event.words,
    event.unit, event.isWithdrawn && t("withdrawn"), isCounted && t("countedMark")]
    .filter((part) => part).join(", ");
}

// --- Shapes --------------------------------------------------------------------------------------

// Points on a mark of radius r around (0, 0).
function polygon(corners, turn, r) {
  const points = [];
  for (let i = 0; i < corners; i++) {
    const angle = turn + (2 * Math.PI * i) / corners;
    points.push(`${(r * Math.cos(angle)).toFixed(1)},${(r * Math.sin(angle)).toFixed(1)}`);
  }
  return svg("polygon", { points: points.join(" ") });
}

const shapes = {
  visit: (r) => svg("circle", { r }),
  contact: (r) => svg("ellipse", { rx: r, ry: r * 0.7 }),
  appointment: (r) => svg("rect", { x: -r, y: -r, width: 2 * r, height: 2 * r }),
  condition: (r) => polygon(3, -Math.PI / 2, r * 1.25),
  referral: (r) => polygon(3, 0, r * 1.25),
  need: (r) => polygon(5, -Math.PI / 2, r * 1.1),
  concern: (r) => polygon(4, 0, r * 1.2),
  clientship: (r) => svg("rect", { x: -r, y: -r * 0.75, width: 2 * r, height: r * 1.5, rx: 6 }),
  document: (r) => svg("rect", { x: -r * 0.75, y: -r, width: r * 1.5, height: 2 * r }),
};

function shapeOf(kind) {
  const make = shapes[kind] || ((r) => polygon(6, 0, r * 1.1));
  return make(SIZE.mark / 2 - 1);
}

function classOf(event, isCounted) {
  return ["mark", event.isWithdrawn && "withdrawn", event.isNoshow && "noshow",
    event.isEmergency && "emergency", isCounted && "counted"].filter((part) => part).join(" ");
}

// --- Drawing -------------------------------------------------------------------------------------

// Marks that would lie over each other are stacked; what does not fit becomes one mark with "+n".
function placeMarks(events, scale) {
  const bins = new Map();
  for (const event of events) {
    const bin = Math.floor((scale(event.start) - SIZE.left) / (SIZE.mark + SIZE.gap));
    const list = bins.get(bin) || [];
    list.push(event);
    bins.set(bin, list);
  }
  const placed = [];
  for (const [bin, list] of bins) {
    const x = SIZE.left + (bin + 0.5) * (SIZE.mark + SIZE.gap);
    const fits = list.length > SIZE.stack ? SIZE.stack - 1 : list.length;
    list.slice(0, fits).forEach((event, level) => placed.push({ x, level, event }));
    if (list.length > fits) {
      placed.push({ x, level: fits, more: list.slice(fits) });
    }
  }
  return placed.sort((a, b) => a.x - b.x || a.level - b.level);
}

function drawMark(item, y, counted, choose) {
  const cy = y - item.level * (SIZE.mark + SIZE.gap);
  const isMore = item.more !== undefined;
  const isCounted = isMore
    ? item.more.some((event) => counted.has(event.reference))
    : counted.has(item.event.reference);
  const label = isMore
    ? `${day(item.more[0].start)}, ${t("andMore", item.more.length)}`
    : labelOf(item.event, isCounted);
  const mark = svg("g", {
    class: isMore ? `mark more${isCounted ? " counted" : ""}` : classOf(item.event, isCounted),
    transform: `translate(${item.x.toFixed(1)} ${cy})`, role: "button", tabindex: "-1",
    "aria-label": label,
  },
  isMore ? svg("rect", { x: -12, y: -11, width: 24, height: 22, rx: 11 })
    : shapeOf(item.event.kind),
  svg("text", { "text-anchor": "middle", dy: "0.35em", "aria-hidden": "true" },
    isMore ? `+${item.more.length}` : t(`mark.${item.event.kind}`)),
  !isMore && item.event.isNoshow && svg("path", { d: "M-9 9L9 -9", class: "strike" }));
  mark.addEventListener("click", () => choose(label, mark));
  mark.addEventListener("focus", () => choose(label, mark));
  return mark;
}

function months(first, last) {
  const list = [];
  const at = new Date(first.getFullYear(), first.getMonth() + 1, 1);
  while (at < last) {
    list.push(new Date(at));
    at.setMonth(at.getMonth() + 1);
  }
  const step = Math.ceil(list.length / 12) || 1;
  return list.filter((_, index) => index % step === 0);
}

function drawAxis(first, last, scale, bottom) {
  return months(first, last).map((date) => svg("g", { class: "axis", "aria-hidden": "true" },
    svg("line", { x1: scale(date), x2: scale(date), y1: SIZE.top - 8, y2: bottom }),
    svg("text", { x: scale(date) + 3, y: bottom + 16 },
      `${date.getMonth() + 1}/${date.getFullYear()}`)));
}

// One tab stop; arrows, Home and End move inside.
function keepOneTabStop(marks) {
  marks.forEach((mark, index) => {
    mark.setAttribute("tabindex", index === marks.length - 1 ? "0" : "-1");
    mark.addEventListener("keydown", (event) => {
      const moves = { ArrowRight: index + 1, ArrowDown: index + 1, ArrowLeft: index - 1,
        ArrowUp: index - 1, Home: 0, End: marks.length - 1 };
      const target = marks[moves[event.key]];
      if (target) {
        event.preventDefault();
        marks.forEach((other) => other.setAttribute("tabindex", "-1"));
        target.setAttribute("tabindex", "0");
        target.focus();
      }
    });
  });
}

function drawing(events, counted, choose) {
  const last = new Date();
  const days = Number(chosen.days);
  const oldest = events.reduce((least, event) => Math.min(least, event.start), last.getTime());
  const first = new Date(days > 0 ? last - days * DAY_MS : oldest - DAY_MS);
  const span = Math.max(last - first, DAY_MS);
  const inner = SIZE.width - SIZE.left - SIZE.right;
  const scale = (date) => SIZE.left + (inner * Math.min(Math.max(date - first, 0), span)) / span;
  const lanes = LANES.filter((lane) => lane !== "national" ||
    events.some((event) => event.sector === lane));
  const marks = [];
  let top = SIZE.top;
  const rows = lanes.map((lane, index) => {
    const placed = placeMarks(events.filter((event) => event.sector === lane), scale);
    const levels = placed.reduce((most, item) => Math.max(most, item.level + 1), 2);
    const height = levels * (SIZE.mark + SIZE.gap) + 14;
    const drawn = placed.map((item) =>
      drawMark(item, top + height - SIZE.mark / 2 - 6, counted, choose));
    marks.push(...drawn);
    const row = svg("g", { role: "group", "aria-label": t(`sector.${lane}`) },
      svg("rect", { class: index % 2 ? "lane odd" : "lane", x: 0, y: top, width: SIZE.width,
        height }),
      svg("text", { class: "lane-name", x: 8, y: top + 22 }, t(`sector.${lane}`)),
      drawn);
    top += height;
    return row;
  });
  const bottom = top;
  keepOneTabStop(marks);
  const picture = svg("svg", { viewBox: `0 0 ${SIZE.width} ${bottom + SIZE.bottom}`, role: "group",
    "aria-label": t("timeline") }, rows, drawAxis(first, last, scale, bottom));
  // The axis lies under the marks.
  picture.prepend(...picture.querySelectorAll(".lane"));
  rows.forEach((row) => picture.append(row));
  return picture;
}

// --- The same as a list --------------------------------------------------------------------------

function listRow(event, counted) {
  const isCounted = counted.has(event.reference);
  return h("tr", { class: isCounted ? "counted" : null },
    h("td", {}, moment(event.start)),
    h("td", {}, t(`sector.${event.sector}`)),
    h("td", {}, t(`kind.${event.kind}`)),
    h("td", {}, [event.words, event.isWithdrawn && t("withdrawn"), isCounted && t("countedMark")]
      .filter((part) => part).join(", ")),
    h("td", {}, event.unit));
}

function listing(events, counted) {
  let shown = LIST_ROWS;
  const body = h("tbody", {});
  const more = h("button", { type: "button" }, t("more"));
  const fillRows = () => {
    show(body, events.slice(0, shown).map((event) => listRow(event, counted)));
    more.hidden = shown >= events.length;
  };
  more.addEventListener("click", () => {
    shown += LIST_ROWS;
    fillRows();
    say(`${Math.min(shown, events.length)} / ${events.length}`);
  });
  fillRows();
  return h("details", { open: counted.size > 0 },
    h("summary", {}, `${t("list")} (${events.length})`),
    h("div", { class: "wide", tabindex: "0", role: "region", "aria-label": t("list") },
      h("table", {},
        h("caption", { class: "unseen" }, t("list")),
        h("thead", {}, h("tr", {}, ["date", "sector", "kind", "what", "unit"]
          .map((key) => h("th", { scope: "col" }, t(key))))),
        body)),
    more);
}

function legend(events) {
  const kinds = [...new Set(events.map((event) => event.kind))].sort();
  return h("ul", { class: "legend", "aria-label": t("legend") }, kinds.map((kind) => h("li", {},
    svg("svg", { viewBox: "-14 -14 28 28", width: 28, height: 28, "aria-hidden": "true" },
      svg("g", { class: "mark" }, shapeOf(kind),
        svg("text", { "text-anchor": "middle", dy: "0.35em" }, t(`mark.${kind}`)))),
    t(`kind.${kind}`))));
}

// --- The section ---------------------------------------------------------------------------------

const PAGES_MAX = 10;

async function readAll(client) {
  const days = Number(chosen.days);
  const from = days > 0 ? new Date(Date.now() - days * DAY_MS).toISOString().slice(0, 10) : "";
  const bundle = await calls.timeline(client, from);
  const entries = [...(bundle.entry || [])];
  let page = bundle;
  for (let i = 1; i < PAGES_MAX && page; i++) {
    page = await calls.nextPage(page);
    entries.push(...((page && page.entry) || []));
  }
  const outcome = entries.find((entry) => entry.search.mode === "outcome");
  const events = entries.filter((entry) => entry.search.mode === "match").map(eventOf);
  return { bundle, events, outcome };
}

function spanChooser(refresh) {
  const id = newId("span");
  const select = h("select", { id }, ["90", "365", "0"].map((days) =>
    h("option", { value: days, selected: days === chosen.days }, t(`span.${days}`))));
  select.addEventListener("change", () => {
    chosen.days = select.value;
    refresh();
  });
  return h("div", {}, h("label", { for: id }, t("span")), select);
}

export async function timelineSection(client) {
  let read = await readAll(client);
  let counted = new Set();
  const body = h("div", {});
  const chosenLine = h("p", { class: "chosen", role: "status" });
  const choose = (label, mark) => {
    for (const other of body.querySelectorAll(".mark.chosen-mark")) {
      other.classList.remove("chosen-mark");
    }
    mark.classList.add("chosen-mark");
    chosenLine.textContent = `${t("selected")}: ${label}`;
  };
  const redraw = () => {
    chosenLine.textContent = "";
    const withheld = read.outcome && parseInt(read.outcome.resource.issue[0].diagnostics, 10);
    show(body,
      read.events.length === 0 && h("p", {}, t("noEvents")),
      read.events.length > 0 && h("div", { class: "wide drawn" },
        drawing(read.events, counted, choose)),
      chosenLine,
      read.events.length > 0 && legend(read.events),
      withheld > 0 && h("p", { class: "hint" }, tn("withheld", withheld)),
      read.events.length > 0 && listing(read.events, counted));
  };
  const turn = turns();
  const refresh = async () => {
    const isNewest = turn();
    const newer = await readAll(client);
    if (isNewest()) {
      read = newer;
      redraw();
    }
  };
  redraw();
  return {
    bundle: read.bundle,
    highlight(references) {
      counted = new Set(references);
      redraw();
    },
    element: h("section", { "aria-labelledby": "timeline-title" },
      h("h2", { id: "timeline-title" }, t("timeline")),
      h("p", { class: "hint" }, t("timelineHelp")),
      spanChooser(refresh),
      body),
  };
}
