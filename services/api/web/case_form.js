// SPDX-License-Identifier: Apache-2.0
// Where the work with a client stands: setting it, with a reason and a date, and its history.

import { h, say } from "./dom.js";
import { day, has, inLanguage, moment, t } from "./texts.js";
import * as calls from "./calls.js";

const WAITING = ["thinking", "refuses"];

function reasonField(json) {
  const select = h("select", { id: "case-reason" });
  const field = h("div", {}, h("label", { for: "case-reason" }, t("reason")), select);
  const update = (state) => {
    const reasons = (json.reasons || []).filter((reason) => reason.states.includes(state));
    const isNeeded = state === "not-relevant";
    select.replaceChildren(
      ...(isNeeded ? [] : [h("option", { value: "" }, t("noReason"))]),
      ...reasons.map((reason) => h("option",
        { value: reason.id, selected: reason.id === json.reason }, inLanguage(reason.name))));
    field.hidden = reasons.length === 0;
  };
  return { field, update, value: () => (field.hidden ? "" : select.value) };
}

function againField(json) {
  const input = h("input", { id: "case-again", type: "date",
    value: json.again ? json.again.slice(0, 10) : "", "aria-describedby": "again-hint" });
  const hint = h("span", { id: "again-hint", class: "hint block" });
  const field = h("div", {}, h("label", { for: "case-again" }, t("again")), input, hint);
  return { field,
    update: (state) => {
      field.hidden = !WAITING.includes(state);
      hint.textContent = t(state === "refuses" ? "againRefuses" : "againHelp");
    },
    value: () => (field.hidden ? "" : input.value) };
}

// `found`: what GET /worklist/{id} said, with its ETag.
export function stateForm(client, found, refresh) {
  const { json } = found;
  const states = [json.state, ...(json.next || []).filter((state) => state !== json.state)];
  const isEarly = json.state === "new";
  const described = isEarly ? "answer-hint" : null;
  const select = h("select", { id: "case-state", "aria-describedby": described }, states.map((state) =>
    h("option", { value: state, selected: state === json.state }, t(`state.${state}`))));
  const reason = reasonField(json);
  const again = againField(json);
  const update = () => {
    reason.update(select.value);
    again.update(select.value);
  };
  select.addEventListener("change", update);
  update();
  const save = async (event) => {
    event.preventDefault();
    const change = { state: select.value };
    if (reason.value()) {
      change.reason = reason.value();
    }
    if (again.value()) {
      change.again = again.value();
    }
    say("");
    try {
      await calls.setState(client, change, found.etag);
      await refresh();
      say(t("saved"));
      document.getElementById("case-state")?.focus();
    } catch (error) {
      if (error.status === 412 || error.status === 409) {
        await refresh();
        say(t("stale"));
        document.getElementById("case-state")?.focus();
      } else if (error.status === 400 || error.status === 403) {
        say(error.message);
      } else {
        throw error;
      }
    }
  };
  return h("form", { class: "bar", onsubmit: save },
    h("div", {}, h("label", { for: "case-state" }, t("setState")), select,
      isEarly && h("span", { id: "answer-hint", class: "hint block" }, t("answerLater"))),
    reason.field, again.field,
    h("button", { type: "submit" }, t("save")));
}

// The service's own reasons say in words what happened; people's are of the list.
function stepParts(item, reasons) {
  const own = `step.${item.reason}`;
  if (!item.by && has(own)) {
    return [t(own), item.was === item.state ? "" : t(`state.${item.state}`), t("byService")];
  }
  const reason = reasons.find((one) => one.id === item.reason);
  return [t(`state.${item.state}`), reason ? inLanguage(reason.name) : "",
    item.by || t("byService")];
}

function step(item, reasons) {
  const parts = [moment(item.at), ...stepParts(item, reasons)];
  return h("li", {}, parts.filter((part) => part).join(" · "));
}

export function caseHistory(found) {
  const steps = found.json.history || [];
  return steps.length > 0 && h("details", {},
    h("summary", {}, t("caseHistory")),
    h("ol", {}, steps.map((item) => step(item, found.json.reasons || []))));
}

// "until 15 January", "Not now": what stands beside a state in the list.
export function stateNotes(item, reasons) {
  const reason = (reasons || []).find((one) => one.id === item.reason);
  return [reason && inLanguage(reason.name), item.again && t("againOn", day(item.again))]
    .filter((part) => part).join(", ");
}
