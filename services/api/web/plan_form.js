// SPDX-License-Identifier: Apache-2.0
// Writing and updating the shared plan. Each field of plan_fields.js has one control of the same id.

import { h, say, show, turns } from "./dom.js";
import { currentLanguage, t } from "./texts.js";
import * as calls from "./calls.js";
import { followLosses } from "./plan_loss.js";
import { emptyFields, fieldsOf, merge, planOf, sixMonthsAfter } from "./plan_fields.js";

const ROLES = ["client", "close-person", "professional", "other"];
const REGISTERS = ["both", "social", "patient"];
const PROGRESS = ["not-started", "scheduled", "in-progress", "on-hold", "completed", "cancelled",
  "stopped"];

// --- Controls ------------------------------------------------------------------------------------

function labelled(id, text, control, extra) {
  const isRequired = control.required;
  return h("div", { class: "field" },
    h("label", { for: id }, text, isRequired && h("span", { class: "hint" }, ` (${t("required")})`)),
    extra && h("span", { class: "hint block", id: `${id}-hint` }, extra),
    control);
}

function input(id, text, value, options) {
  const { type = "text", required = true, hint, ...rest } = options || {};
  return labelled(id, text, h("input", { id, type, value, required, maxlength: "250",
    "aria-describedby": hint ? `${id}-hint` : null, ...rest }), hint);
}

function area(id, text, value, options) {
  const { required = true, maxlength = "4000" } = options || {};
  const control = h("textarea", { id, required, rows: "4", maxlength });
  control.value = value;
  return labelled(id, text, control);
}

function choice(id, text, value, values, stem, hint) {
  return labelled(id, text, h("select", { id, "aria-describedby": hint ? `${id}-hint` : null },
    values.map((item) =>
      h("option", { value: item, selected: item === value }, t(`${stem}.${item}`)))), hint);
}

function check(id, text, value) {
  return h("div", { class: "field check" },
    h("input", { id, type: "checkbox", checked: value }), h("label", { for: id }, text));
}

// --- Rows ----------------------------------------------------------------------------------------

const rowKinds = {
  attendees: {
    title: "attendee", least: 1,
    empty: { who: "", role: "professional", profession: "", absent: false },
    parts: (id, row) => [
      input(`${id}.who`, t("who"), row.who),
      choice(`${id}.role`, t("role"), row.role, ROLES, "role"),
      input(`${id}.profession`, t("profession"), row.profession, { required: false }),
      check(`${id}.absent`, t("absent"), row.absent),
    ],
  },
  next: {
    title: "step", least: 1,
    empty: { what: "", who: "", when: "", status: "not-started", register: "both" },
    parts: (id, row) => activityParts(id, row, "stepWhat", "byWhen"),
  },
  follow: {
    title: "followOne", least: 1,
    empty: { what: "", who: "", when: "", status: "not-started", register: "both" },
    parts: (id, row) => activityParts(id, row, "followHow", "followWhen"),
  },
  members: {
    title: "member", least: 0,
    empty: { who: "", profession: "" },
    parts: (id, row) => [
      input(`${id}.who`, t("who"), row.who),
      input(`${id}.profession`, t("profession"), row.profession, { required: false }),
    ],
  },
};

function activityParts(id, row, what, when) {
  return [
    area(`${id}.what`, t(what), row.what),
    input(`${id}.who`, t("who"), row.who),
    input(`${id}.when`, t(when), row.when, { type: "date" }),
    choice(`${id}.status`, t("progress"), row.status, PROGRESS, "progress"),
    choice(`${id}.register`, t("register"), row.register, REGISTERS, "register",
      t("registerHelp")),
  ];
}

function rowsOf(name, rows) {
  const kind = rowKinds[name];
  const list = h("div", { class: "rows", "data-rows": name });
  const renumber = () => {
    [...list.children].forEach((element, index) => {
      element.querySelector("legend").textContent = `${t(kind.title)} ${index + 1}`;
      element.querySelector("button").hidden = list.children.length <= kind.least;
    });
  };
  let serial = 0;
  const addRow = (row) => {
    const id = `${name}.${serial++}`;
    const remove = h("button", { type: "button", class: "quiet" }, t("remove"));
    const element = h("fieldset", { "data-row": id }, h("legend", {}, t(kind.title)),
      kind.parts(id, row), remove);
    remove.addEventListener("click", () => {
      const next = element.nextElementSibling || element.previousElementSibling;
      element.remove();
      renumber();
      (next ? next.querySelector("input, textarea") : list.nextElementSibling).focus();
    });
    list.append(element);
    renumber();
    return element;
  };
  rows.forEach(addRow);
  const add = h("button", { type: "button", class: "quiet" }, `${t("add")}: ${t(kind.title)}`);
  add.addEventListener("click", () => addRow(kind.empty).querySelector("input, textarea").focus());
  return [list, add];
}

// --- The form ------------------------------------------------------------------------------------

function group(title, ...parts) {
  return h("fieldset", { class: "group" }, h("legend", {}, h("h2", {}, title)), parts);
}

function formOf(fields) {
  const from = input("from", t("from"), fields.from, { type: "date" });
  const until = input("until", t("until"), fields.until, { type: "date", hint: t("untilHelp") });
  from.querySelector("input").addEventListener("change", (event) => {
    const limit = sixMonthsAfter(event.target.value);
    const end = until.querySelector("input");
    if (end.value > limit || end.value < event.target.value) {
      end.value = limit;
    }
  });
  return [
    group(t("meeting"),
      h("div", { class: "line" },
        input("meetingDate", t("meetingDate"), fields.meetingDate, { type: "date" }),
        input("meetingStart", t("meetingStart"), fields.meetingStart, { type: "time" }),
        input("meetingEnd", t("meetingEnd"), fields.meetingEnd, { type: "time" })),
      input("place", t("place"), fields.place)),
    group(t("attendees"), rowsOf("attendees", fields.attendees)),
    group(t("situation"), area("situation", t("situation"), fields.situation,
      { maxlength: "8000" })),
    group(t("goal"),
      area("core", t("core"), fields.core, { required: false }),
      area("goal", t("goal"), fields.goal),
      check("goalOwn", t("goalOwn"), fields.goalOwn)),
    group(t("next"), rowsOf("next", fields.next)),
    group(t("follow"), rowsOf("follow", fields.follow)),
    group(t("responsible"),
      input("responsible", t("who"), fields.responsible),
      input("responsibleProfession", t("profession"), fields.responsibleProfession,
        { required: false }),
      input("deputy", t("deputy"), fields.deputy, { required: false }),
      input("deputyProfession", `${t("deputy")}: ${t("profession")}`, fields.deputyProfession,
        { required: false }),
      input("teamName", t("teamName"), fields.teamName, { required: false }),
      rowsOf("members", fields.members)),
    group(t("contact"),
      input("phone", t("phone"), fields.phone, { type: "tel", required: false }),
      area("contactWords", t("contactWords"), fields.contactWords, { required: false })),
    group(t("valid"), h("div", { class: "line" }, from, until)),
  ];
}

function valueOf(control) {
  return control.type === "checkbox" ? control.checked : control.value.trim();
}

function readForm(form, fields) {
  const read = {};
  for (const name of Object.keys(fields)) {
    const list = form.querySelector(`[data-rows="${name}"]`);
    if (!list) {
      read[name] = valueOf(document.getElementById(name));
      continue;
    }
    read[name] = [...list.children].map((row) => {
      const parts = {};
      for (const control of row.querySelectorAll("input, textarea, select")) {
        parts[control.id.split(".").pop()] = valueOf(control);
      }
      return parts;
    });
  }
  return read;
}

// --- Errors --------------------------------------------------------------------------------------

// A place in the CarePlan → the control that wrote it.
const placeRules = [
  [/contained\[0\]\.start|Appointment\)\.end|contained\[0\]\.end/, "meetingStart"],
  [/contained\[0\]\.participant\[0\]/, "place"],
  [/contained\[0\]|Appointment\)/, "attendees.0.who"],
  [/contained\[1\]\.note/, "core"],
  [/contained\[1\]/, "goal"],
  [/contained\[2\]\.telecom/, "phone"],
  [/contained\[2\]\.note/, "contactWords"],
  [/contained\[2\]|CareTeam\)/, "responsible"],
  [/activity/, "next.0.what"],
  [/period\.end/, "until"],
  [/period/, "from"],
  [/description/, "situation"],
];

function controlFor(form, expression) {
  const activity = /activity\[(\d+)\]/.exec(expression);
  if (activity) {
    const rows = form.querySelectorAll('[data-rows="next"] > *, [data-rows="follow"] > *');
    const row = rows[Number(activity[1])];
    const part = /scheduledPeriod/.test(expression) ? "when"
      : /performer/.test(expression) ? "who" : "what";
    return row && row.querySelector(`[id$=".${part}"]`);
  }
  const rule = placeRules.find(([pattern]) => pattern.test(expression));
  return rule ? document.getElementById(rule[1]) : null;
}

function errorSummary(form, outcome, message) {
  const issues = (outcome && outcome.issue) || [];
  const item = (issue) => {
    const control = controlFor(form, (issue.expression || [""])[0]);
    if (!control) {
      return h("li", {}, issue.diagnostics || message);
    }
    control.setAttribute("aria-invalid", "true");
    const label = form.querySelector(`label[for="${CSS.escape(control.id)}"]`);
    const go = (event) => {
      event.preventDefault();
      control.focus();
    };
    return h("li", {}, h("a", { href: `#${control.id}`, onclick: go },
      `${label ? label.firstChild.textContent : ""}: ${issue.diagnostics || ""}`));
  };
  return [h("h2", {}, t("fixThese")),
    h("ul", {}, issues.length > 0 ? issues.map(item) : h("li", {}, message))];
}

function showClashes(form, clashes) {
  for (const [name, other] of Object.entries(clashes)) {
    const text = typeof other === "object"
      ? other.map((row) => Object.values(row).filter((part) => part && part !== true).join(", "))
        .join(" / ")
      : String(other);
    const control = document.getElementById(name) || form.querySelector(`[data-rows="${name}"]`);
    control.before(h("p", { class: "notice" }, t("other", text)));
  }
}

// --- The view ------------------------------------------------------------------------------------

const turn = turns();

export async function showPlanForm(main, caller, client) {
  const isNewest = turn();
  const found = await calls.currentPlan(client);
  const known = found && found.status === "active" ? await calls.plan(found.id) : null;
  if (!isNewest()) {
    return;
  }
  let old = known && known.json;
  let etag = known && known.etag;
  let base = old ? fieldsOf(old) : emptyFields("");
  const summary = h("div", { class: "summary", tabindex: "-1", role: "alert" });
  const body = h("div", {}, formOf(base));
  const losses = h("section", { "aria-live": "polite", "aria-label": t("losses") });
  const form = h("form", { novalidate: true, class: "plan" }, summary, body, losses,
    h("p", { class: "hint" }, t("notStatutory")),
    h("div", { class: "bar" },
      h("button", { type: "submit" }, t("savePlan")),
      h("a", { class: "button quiet", href: `#/client/${client}` }, t("cancel"))));

  // Somebody else wrote in between: their changes come in, mine stay, both are shown.
  const takeOther = async (mine) => {
    const newest = await calls.plan(old.id);
    if (!form.isConnected) {
      say(t("planNotSaved", t("stale")));
      return;
    }
    const theirs = fieldsOf(newest.json);
    const { merged, clashes } = merge(base, mine, theirs);
    [old, etag, base] = [newest.json, newest.etag, theirs];
    show(body, formOf(merged));
    showClashes(form, clashes);
    show(summary, h("h2", {}, t("merged")));
    summary.focus();
  };

  const findEmpty = () => {
    const wrong = [...form.querySelectorAll("input, textarea, select")]
      .filter((control) => !control.checkValidity());
    return { issue: wrong.map((control) => ({ control, diagnostics: control.validationMessage })) };
  };

  const send = async (mine) => {
    const plan = planOf(mine, client, currentLanguage(), old);
    try {
      await (old ? calls.updatePlan(old.id, plan, etag) : calls.createPlan(plan));
      if (form.isConnected) {
        location.hash = `#/client/${client}`;
      }
      say(t("planSaved"));
    } catch (error) {
      if (!form.isConnected) {
        say(t("planNotSaved", error.message)); // left meanwhile: there is no form to mend
      } else if (error.status === 412) {
        await takeOther(mine);
      } else {
        show(summary, errorSummary(form, error.outcome, error.message));
        summary.focus();
      }
    }
  };

  let isSending = false;
  const save = async (event) => {
    event.preventDefault();
    if (isSending) {
      return;
    }
    show(summary);
    form.querySelectorAll("[aria-invalid]").forEach((item) => item.removeAttribute("aria-invalid"));
    const empty = findEmpty();
    if (empty.issue.length > 0) {
      show(summary, localSummary(form, empty.issue));
      summary.focus();
      return;
    }
    isSending = true;
    try {
      await send(readForm(form, base));
    } finally {
      isSending = false;
    }
  };
  form.addEventListener("submit", save);
  followLosses(form, losses, () => planOf(readForm(form, base), client, currentLanguage(), old));
  show(main,
    h("p", {}, h("a", { href: `#/client/${client}` }, t("client"))),
    h("h1", {}, t(old ? "updatePlan" : "writePlan")),
    form);
}

function localSummary(form, issues) {
  const item = ({ control, diagnostics }) => {
    control.setAttribute("aria-invalid", "true");
    const label = form.querySelector(`label[for="${CSS.escape(control.id)}"]`);
    const go = (event) => {
      event.preventDefault();
      control.focus();
    };
    return h("li", {}, h("a", { href: `#${control.id}`, onclick: go },
      `${label.firstChild.textContent}: ${diagnostics}`));
  };
  return [h("h2", {}, t("fixThese")), h("ul", {}, issues.map(item))];
}
