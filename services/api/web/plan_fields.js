// SPDX-License-Identifier: Apache-2.0
// The plan between its two forms: the CarePlan of schemas/plan.md, and the flat fields of the form.
// Lists are rows of {part: value}. Pure functions, so that merging two writers' work is simple.

const ROLE = "https://punos.fi/fhir/CodeSystem/plan-role";
const ACTIVITY = "https://punos.fi/fhir/CodeSystem/plan-activity";
const REGISTER = "https://punos.fi/fhir/CodeSystem/register";
const LABEL =
  "http://hl7.org/fhir/uv/security-label-ds4p/StructureDefinition/extension-inline-sec-label";

const DAY_MS = 86400000;

function two(number) {
  return String(number).padStart(2, "0");
}

export function isoDay(date) {
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}

function isoTime(date) {
  return `${two(date.getHours())}:${two(date.getMinutes())}`;
}

// A wall-clock time here, with this place's offset at that time.
function instant(dayText, timeText) {
  const date = new Date(`${dayText}T${timeText}:00`);
  if (Number.isNaN(date.getTime())) {
    return "";
  }
  const offset = -date.getTimezoneOffset();
  const size = Math.abs(offset);
  return `${dayText}T${timeText}:00${offset < 0 ? "-" : "+"}${two(Math.floor(size / 60))}:` +
    two(size % 60);
}

export function sixMonthsAfter(dayText) {
  const [year, month, day] = dayText.split("-").map(Number);
  const last = new Date(year, month + 6, 0).getDate();
  return isoDay(new Date(year, month + 5, Math.min(day, last)));
}

export function emptyFields(callerName) {
  const today = isoDay(new Date());
  return {
    meetingDate: today, meetingStart: "10:00", meetingEnd: "11:00", place: "",
    attendees: [{ who: "", role: "client", profession: "", absent: false }],
    situation: "", core: "", goal: "", goalOwn: true,
    next: [{ what: "", who: "", when: isoDay(new Date(Date.now() + 14 * DAY_MS)),
      status: "not-started", register: "both" }],
    follow: [{ what: "", who: "", when: isoDay(new Date(Date.now() + 60 * DAY_MS)),
      status: "not-started", register: "both" }],
    responsible: callerName, responsibleProfession: "", deputy: "", deputyProfession: "",
    teamName: "", members: [], phone: "", contactWords: "",
    from: today, until: sixMonthsAfter(today),
  };
}

// --- From a plan ---------------------------------------------------------------------------------

function contained(plan, type) {
  return (plan.contained || []).find((item) => item.resourceType === type) || {};
}

function codeOf(concepts) {
  const concept = Array.isArray(concepts) ? concepts[0] : concepts;
  return concept && concept.coding ? concept.coding[0].code : "";
}

// "both" when the item says nothing.
export function registerOf(extensions) {
  const label = (extensions || []).find((item) => item.url === LABEL);
  return label ? label.valueCoding.code : "both";
}

function activityRows(plan, code) {
  return (plan.activity || []).filter((item) => codeOf(item.detail.code) === code)
    .map(({ detail, extension }) => ({
      what: detail.description,
      who: detail.performer.map((item) => item.display).join("; "),
      when: detail.scheduledPeriod.end,
      status: detail.status,
      register: registerOf(extension),
    }));
}

function memberOf(team, code) {
  const found = (team.participant || []).find((item) => codeOf(item.role) === code);
  return found ? [found.member.display, found.role[0].text || ""] : ["", ""];
}

export function fieldsOf(plan) {
  const meeting = contained(plan, "Appointment");
  const goal = contained(plan, "Goal");
  const team = contained(plan, "CareTeam");
  const start = new Date(meeting.start);
  const end = new Date(meeting.end);
  const place = meeting.participant.find((item) => codeOf(item.type) === "place");
  const [responsible, responsibleProfession] = memberOf(team, "responsible");
  const [deputy, deputyProfession] = memberOf(team, "deputy");
  return {
    meetingDate: isoDay(start), meetingStart: isoTime(start), meetingEnd: isoTime(end),
    place: place.actor.display,
    attendees: meeting.participant.filter((item) => item !== place).map((item) => ({
      who: item.actor.display, role: codeOf(item.type), profession: item.type[0].text || "",
      absent: item.status === "declined",
    })),
    situation: plan.description,
    core: goal.note ? goal.note[0].text : "",
    goal: goal.description.text,
    goalOwn: goal.expressedBy !== undefined,
    next: activityRows(plan, "next-step"),
    follow: activityRows(plan, "follow-up"),
    responsible, responsibleProfession, deputy, deputyProfession,
    teamName: team.name || "",
    members: team.participant.filter((item) => codeOf(item.role) === "member").map((item) => ({
      who: item.member.display, profession: item.role[0].text || "",
    })),
    phone: (team.telecom || []).filter((item) => item.system === "phone")
      .map((item) => item.value)[0] || "",
    contactWords: team.note ? team.note[0].text : "",
    from: plan.period.start, until: plan.period.end,
  };
}

// --- To a plan -----------------------------------------------------------------------------------

function concept(system, code, text) {
  const made = { coding: [{ system, code }] };
  if (text) {
    made.text = text;
  }
  return made;
}

function activity(code, row) {
  const label = { url: LABEL, valueCoding: { system: REGISTER, code: row.register } };
  return {
    ...(["patient", "social"].includes(row.register) && { extension: [label] }),
    detail: {
      code: concept(ACTIVITY, code),
      status: row.status,
      scheduledPeriod: { end: row.when },
      performer: row.who.split(";").map((who) => who.trim()).filter((who) => who)
        .map((who) => ({ display: who })),
      description: row.what,
    },
  };
}

function meetingOf(fields) {
  const place = { type: [concept(ROLE, "place")], actor: { display: fields.place },
    status: "accepted" };
  const attendees = fields.attendees.map((row) => ({
    type: [concept(ROLE, row.role, row.profession)],
    actor: { display: row.who },
    status: row.absent ? "declined" : "accepted",
  }));
  const end = instant(fields.meetingDate, fields.meetingEnd);
  return {
    resourceType: "Appointment",
    status: new Date(end) < new Date() ? "fulfilled" : "booked",
    start: instant(fields.meetingDate, fields.meetingStart),
    end,
    participant: [place, ...attendees],
  };
}

function goalOf(fields, subject) {
  const goal = { resourceType: "Goal", lifecycleStatus: "active",
    description: { text: fields.goal } };
  if (fields.core) {
    goal.note = [{ text: fields.core }];
  }
  if (fields.goalOwn) {
    goal.expressedBy = subject;
  }
  return goal;
}

function teamOf(fields, old) {
  const member = (code, who, profession) =>
    ({ role: [concept(ROLE, code, profession)], member: { display: who } });
  const team = {
    resourceType: "CareTeam", status: "active",
    participant: [member("responsible", fields.responsible, fields.responsibleProfession)],
  };
  if (fields.deputy) {
    team.participant.push(member("deputy", fields.deputy, fields.deputyProfession));
  }
  team.participant.push(...fields.members.map((row) => member("member", row.who, row.profession)));
  if (fields.teamName) {
    team.name = fields.teamName;
  }
  const phone = fields.phone ? [{ system: "phone", value: fields.phone, use: "work" }] : [];
  const kept = ((old && contained(old, "CareTeam").telecom) || [])
    .filter((item) => item.system !== "phone");
  if (phone.length + kept.length > 0) {
    team.telecom = [...phone, ...kept];
  }
  if (fields.contactWords) {
    team.note = [{ text: fields.contactWords }];
  }
  return team;
}

// `old`: the plan being updated, whose language and further remarks stay; null for a new one.
export function planOf(fields, client, language, old) {
  const subject = { reference: `Patient/${client}` };
  const plan = {
    resourceType: "CarePlan",
    language: (old && old.language) || language,
    contained: [meetingOf(fields), goalOf(fields, subject), teamOf(fields, old)],
    status: "active",
    intent: "plan",
    description: fields.situation,
    subject,
    period: { start: fields.from, end: fields.until },
    activity: [...fields.next.map((row) => activity("next-step", row)),
      ...fields.follow.map((row) => activity("follow-up", row))],
  };
  if (old) {
    plan.id = old.id;
    plan.note = old.note;
  }
  return plan;
}

// --- Two writers ---------------------------------------------------------------------------------

// A three-way merge by field: what I did not touch is theirs, what I touched is mine; `clashes` are
// the fields that both changed, with the other's value.
export function merge(base, mine, theirs) {
  const merged = {};
  const clashes = {};
  for (const name of Object.keys(mine)) {
    const [was, own, other] = [base, mine, theirs].map((fields) => JSON.stringify(fields[name]));
    merged[name] = own === was ? theirs[name] : mine[name];
    if (own !== was && other !== was && own !== other) {
      clashes[name] = theirs[name];
    }
  }
  return { merged, clashes };
}
