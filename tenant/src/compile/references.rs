//! Which document names what, and whether it is there.

use std::collections::{BTreeMap, BTreeSet};

use trunkline_crds::{
    AgentSpec, CallCenterSpec, ClientSpec, QueueCommon, QueueReference, RouteStep, SkillName,
};

use super::view::View;
use crate::document::{DocumentId, Kind};
use crate::finding::{Code, Severity};
use crate::path::FieldPath;
use crate::rules::Draft;
use crate::schema::nearest;
use crate::typed::Typed;

/// What a reference may point at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Target {
    Team,
    Skill,
    /// The centre's own; a client's own are the document's affair.
    CentreQueue,
    /// A queue of the very document that names it.
    OwnQueue,
    Trunk,
    Prompt,
    Course,
    Shift,
    Role,
    Calendar,
    Lead,
}

impl Target {
    fn code(self) -> Code {
        match self {
            Self::Team => Code::UnknownTeam,
            Self::Skill => Code::UnknownSkill,
            Self::CentreQueue | Self::OwnQueue => Code::UnknownQueue,
            Self::Trunk => Code::UnknownTrunk,
            Self::Prompt => Code::UnknownPrompt,
            Self::Course => Code::UnknownCourse,
            Self::Shift => Code::UnknownShift,
            Self::Role => Code::UnknownRole,
            Self::Calendar => Code::UnknownCalendar,
            Self::Lead => Code::UnknownLead,
        }
    }

    /// A person who isn't hired yet is waited for; everything else has to be there.
    fn severity(self) -> Severity {
        match self {
            Self::Lead => Severity::Warning,
            _ => Severity::Error,
        }
    }

    pub fn word(self) -> &'static str {
        match self {
            Self::Team => "team",
            Self::Skill => "skill",
            Self::CentreQueue | Self::OwnQueue => "queue",
            Self::Trunk => "trunk",
            Self::Prompt => "prompt",
            Self::Course => "course",
            Self::Shift => "shift",
            Self::Role => "role",
            Self::Calendar => "calendar",
            Self::Lead => "agent",
        }
    }

    /// Where it is declared: the list of the CallCenter, or the kind of document.
    pub fn home(self) -> Home {
        match self {
            Self::Team => Home::Centre("teams"),
            Self::Skill => Home::Centre("skills"),
            Self::CentreQueue => Home::Centre("queues"),
            Self::OwnQueue => Home::Itself,
            Self::Prompt => Home::Centre("prompts"),
            Self::Course => Home::Centre("courses"),
            Self::Shift => Home::Centre("shifts"),
            Self::Role => Home::Centre("roles"),
            Self::Calendar => Home::Centre("calendars"),
            Self::Trunk => Home::Document(Kind::Trunk),
            Self::Lead => Home::Document(Kind::Agent),
        }
    }
}

/// Where a target is declared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Home {
    /// In a list of the CallCenter's spec.
    Centre(&'static str),
    /// It is a document of its own.
    Document(Kind),
    /// In the naming document.
    Itself,
}

/// A name that has to be somebody's.
pub(crate) struct Reference<'a> {
    pub target: Target,
    pub name: &'a str,
    pub field: FieldPath,
}

/// All that a document names.
pub(crate) fn references(typed: &Typed) -> Vec<Reference<'_>> {
    let mut found = Found(Vec::new());
    match typed {
        Typed::CallCenter(spec) => found.centre(spec),
        Typed::Client(spec) => found.client(spec),
        Typed::Trunk(_) => {}
        Typed::Agent(spec) => found.agent(spec),
    }
    found.0
}

struct Found<'a>(Vec<Reference<'a>>);

impl<'a> Found<'a> {
    fn add(&mut self, target: Target, name: &'a str, field: FieldPath) {
        self.0.push(Reference {
            target,
            name,
            field,
        });
    }

    fn centre(&mut self, spec: &'a CallCenterSpec) {
        let root = FieldPath::spec();
        for (i, department) in spec.departments.iter().enumerate() {
            if let Some(calendar) = &department.calendar {
                let field = root.key("departments").at(i).key("calendar");
                self.add(Target::Calendar, calendar.as_str(), field);
            }
        }
        for (i, role) in spec.roles.iter().enumerate() {
            for (j, included) in role.includes.iter().enumerate() {
                let field = root.key("roles").at(i).key("includes").at(j);
                self.add(Target::Role, included.as_str(), field);
            }
        }
        for (i, team) in spec.teams.iter().enumerate() {
            let path = root.key("teams").at(i);
            if let Some(lead) = &team.lead {
                self.add(Target::Lead, lead.as_str(), path.key("lead"));
            }
            self.skills(team.skills.keys(), &path.key("skills"));
            for (j, shift) in team.shifts.iter().enumerate() {
                self.add(Target::Shift, shift.as_str(), path.key("shifts").at(j));
            }
        }
        for (i, queue) in spec.queues.iter().enumerate() {
            let path = root.key("queues").at(i);
            for (j, team) in queue.teams.iter().enumerate() {
                self.add(Target::Team, team.as_str(), path.key("teams").at(j));
            }
            self.queue(&queue.common, &path, true);
        }
    }

    fn client(&mut self, spec: &'a ClientSpec) {
        let root = FieldPath::spec();
        if let Some(hours) = &spec.hours {
            self.add(Target::Calendar, hours.as_str(), root.key("hours"));
        }
        for (i, trunk) in spec.trunks.iter().enumerate() {
            self.add(Target::Trunk, trunk.as_str(), root.key("trunks").at(i));
        }
        if let Some(menu) = &spec.menu {
            let path = root.key("menu");
            if let Some(prompt) = &menu.prompt {
                self.add(Target::Prompt, prompt.as_str(), path.key("prompt"));
            }
            for (key, queue) in &menu.choices {
                self.queue_named(queue, path.key("choices").key(key.clone()), false);
            }
        }
        for (i, queue) in spec.queues.iter().enumerate() {
            let path = root.key("queues").at(i);
            for (j, share) in queue.teams.iter().enumerate() {
                let field = path.key("teams").at(j).key("name");
                self.add(Target::Team, share.name.as_str(), field);
            }
            self.queue(&queue.common, &path, false);
        }
        let training = spec.training.iter().flat_map(|t| &t.courses);
        for (i, course) in training.enumerate() {
            let field = root.key("training").key("courses").at(i);
            self.add(Target::Course, course.as_str(), field);
        }
    }

    fn agent(&mut self, spec: &'a AgentSpec) {
        let root = FieldPath::spec();
        if let Some(team) = &spec.team {
            self.add(Target::Team, team.as_str(), root.key("team"));
        }
        for (i, role) in spec.roles.iter().enumerate() {
            self.add(Target::Role, role.as_str(), root.key("roles").at(i));
        }
        self.skills(spec.skills.keys(), &root.key("skills"));
        for (i, shift) in spec.shifts.iter().enumerate() {
            self.add(Target::Shift, shift.as_str(), root.key("shifts").at(i));
        }
        for (i, training) in spec.training.iter().enumerate() {
            let field = root.key("training").at(i).key("course");
            self.add(Target::Course, training.course.as_str(), field);
        }
    }

    fn queue(&mut self, queue: &'a QueueCommon, path: &FieldPath, of_centre: bool) {
        if let Some(calendar) = &queue.calendar {
            self.add(Target::Calendar, calendar.as_str(), path.key("calendar"));
        }
        for (
            i,
            RouteStep {
                require, prefer, ..
            },
        ) in queue.route.iter().enumerate()
        {
            let step = path.key("route").at(i);
            self.skills(require.keys(), &step.key("require"));
            self.skills(prefer.keys(), &step.key("prefer"));
        }
        let exhausted = path.key("onExhausted");
        if let Some(prompt) = &queue.on_exhausted.prompt {
            self.add(Target::Prompt, prompt.as_str(), exhausted.key("prompt"));
        }
        if let Some(to) = &queue.on_exhausted.queue {
            self.queue_named(to, exhausted.key("queue"), of_centre);
        }
        if let Some(closed) = &queue.closed {
            let path = path.key("closed");
            if let Some(prompt) = &closed.prompt {
                self.add(Target::Prompt, prompt.as_str(), path.key("prompt"));
            }
            if let Some(to) = &closed.queue {
                self.queue_named(to, path.key("queue"), of_centre);
            }
        }
        let greeting = queue
            .announcements
            .as_ref()
            .and_then(|a| a.greeting.as_ref());
        if let Some(greeting) = greeting {
            let field = path.key("announcements").key("greeting");
            self.add(Target::Prompt, greeting.as_str(), field);
        }
        let offered = queue
            .announcements
            .as_ref()
            .and_then(|a| a.callback.as_ref());
        if let Some(offered) = offered {
            let path = path.key("announcements").key("callback");
            self.add(Target::Prompt, offered.prompt.as_str(), path.key("prompt"));
            if let Some(confirmation) = &offered.confirmation {
                let field = path.key("confirmation");
                self.add(Target::Prompt, confirmation.as_str(), field);
            }
        }
    }

    fn skills(&mut self, names: impl Iterator<Item = &'a SkillName>, path: &FieldPath) {
        for name in names {
            self.add(Target::Skill, name.as_str(), path.clone());
        }
    }

    fn queue_named(&mut self, to: &'a QueueReference, field: FieldPath, of_centre: bool) {
        match to.0.strip_prefix("centre/") {
            Some(name) => self.add(Target::CentreQueue, name, field),
            None if of_centre => self.add(Target::CentreQueue, &to.0, field),
            None => self.add(Target::OwnQueue, &to.0, field),
        }
    }
}

/// All that there is to be named in a view.
pub(crate) struct Catalog<'a>(BTreeMap<Target, BTreeSet<&'a str>>);

impl<'a> Catalog<'a> {
    pub fn of(view: &View<'a>) -> Self {
        let spec = view.centre.spec;
        let own = |names: &mut dyn Iterator<Item = &'a str>| names.collect::<BTreeSet<_>>();
        let mut roles = own(&mut spec.roles.iter().map(|r| r.name.as_str()));
        roles.extend(crate::rules::BUILT_IN_ROLES);
        Self(BTreeMap::from([
            (
                Target::Team,
                own(&mut spec.teams.iter().map(|t| t.name.as_str())),
            ),
            (
                Target::Skill,
                own(&mut spec.skills.iter().map(|s| s.as_str())),
            ),
            (
                Target::CentreQueue,
                own(&mut spec.queues.iter().map(|q| q.name.as_str())),
            ),
            (
                Target::Prompt,
                own(&mut spec.prompts.iter().map(|p| p.name.as_str())),
            ),
            (
                Target::Course,
                own(&mut spec.courses.iter().map(|c| c.name.as_str())),
            ),
            (
                Target::Shift,
                own(&mut spec.shifts.iter().map(|s| s.name.as_str())),
            ),
            (
                Target::Calendar,
                own(&mut spec.calendars.iter().map(|c| c.name.as_str())),
            ),
            (Target::Role, roles),
            (Target::Trunk, own(&mut view.trunks.keys().copied())),
            (Target::Lead, own(&mut view.agents.keys().copied())),
        ]))
    }

    /// Whether the name is there, for the document that names it.
    pub fn has(&self, typed: &Typed, target: Target, name: &str) -> bool {
        match (target, typed) {
            (Target::OwnQueue, Typed::Client(spec)) => {
                spec.queues.iter().any(|q| q.name.as_str() == name)
            }
            _ => self.names(target).contains(name),
        }
    }

    fn names(&self, target: Target) -> &BTreeSet<&'a str> {
        static NONE: BTreeSet<&str> = BTreeSet::new();
        self.0.get(&target).unwrap_or(&NONE)
    }
}

/// What a document names and nobody has.
pub(crate) fn unresolved(
    object: &DocumentId,
    typed: &Typed,
    catalog: &Catalog<'_>,
    drafts: &mut Vec<Draft>,
) {
    for reference in references(typed) {
        let Reference {
            target,
            name,
            field,
        } = reference;
        if catalog.has(typed, target, name) {
            continue;
        }
        drafts.push(Draft {
            object: object.clone(),
            code: target.code(),
            severity: target.severity(),
            field,
            message: format!("there is no {} `{name}`", target.word()),
            hint: hint(typed, target, name, catalog),
            unresolved: Some((target, name.to_owned())),
        });
    }
}

fn hint(typed: &Typed, target: Target, name: &str, catalog: &Catalog<'_>) -> String {
    if let (Target::OwnQueue, Typed::Client(spec)) = (target, typed) {
        if catalog.names(Target::CentreQueue).contains(name) {
            return format!("the centre's own is written `centre/{name}`");
        }
        let own = spec.queues.iter().map(|q| q.name.as_str());
        return match nearest(name, own) {
            Some(queue) => format!("did you mean `{queue}`?"),
            None => "declare it in this Client's spec.queues, or write `centre/…` for one of the centre's"
                .to_owned(),
        };
    }
    if let Some(near) = nearest(name, catalog.names(target).iter().copied()) {
        return format!("did you mean `{near}`?");
    }
    match target.home() {
        Home::Centre(list) => format!("declare it in the CallCenter's spec.{list}"),
        Home::Document(Kind::Agent) => {
            format!("the team has no lead until an Agent `{name}` of this centre is there")
        }
        Home::Document(kind) => format!("add a {kind} of that name to this centre and namespace"),
        Home::Itself => "declare it in this document".to_owned(),
    }
}
