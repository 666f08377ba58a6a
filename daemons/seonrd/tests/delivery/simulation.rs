//! The machine in a small world: rows, a disk, crashes between any two actions and in the middle of
//! each, answers that get lost, and people who put files in the way and take files away.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use domain::{PartnerName, Target};
use proptest::prelude::*;
use proptest::test_runner::Config;
use seonrd::delivery::machine::{
    Action, Candidate, Deliveries, Input, Outcome, Placement, Placing, Work,
};
use store::ReceivedFileId;

use crate::{at, id};

const PARTNERS: [&str; 3] = ["anvil", "bolt", "crank"];

/// What a fault does to a step: in the order of their numbers.
#[derive(Clone, Copy, PartialEq)]
enum Fault {
    None,
    NotDone,
    AnswerLost,
    CrashBefore,
    CrashAfter,
    /// The disk refuses each file.
    Refused,
}

/// A trouble that never ends.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Trouble {
    None,
    /// The disk refuses each file.
    Refused,
    /// No step on the disk ever answers.
    Hangs,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum RowState {
    Received,
    Delivering(u32),
    Delivered,
}

struct Row {
    partner: PartnerName,
    name: &'static str,
    state: RowState,
    recorded: Option<Target>,
    has_part: bool,
    moves: u32,
    receipts: u32,
}

struct World {
    now: Duration,
    epoch: u32,
    machine: Deliveries,
    under_way: Vec<Action>,
    hanging: Vec<Action>,
    rows: BTreeMap<ReceivedFileId, Row>,
    /// What lies in the folders: one of our files, or somebody else's.
    disk: BTreeMap<Target, Option<ReceivedFileId>>,
    /// The first partner's lot.
    trouble: Trouble,
}

impl World {
    fn new(trouble: Trouble) -> Self {
        Self {
            now: Duration::ZERO,
            epoch: 1,
            machine: Deliveries::default(),
            under_way: Vec::new(),
            hanging: Vec::new(),
            rows: BTreeMap::new(),
            disk: BTreeMap::new(),
            trouble,
        }
    }

    fn arrive(&mut self, choice: u8) {
        let partner = PARTNERS[usize::from(choice) % PARTNERS.len()].parse().unwrap();
        let name = ["A", "B"][usize::from(choice / 16) % 2];
        let row = Row {
            partner,
            name,
            state: RowState::Received,
            recorded: None,
            has_part: true,
            moves: 0,
            receipts: 0,
        };
        self.rows.insert(id(i64::try_from(self.rows.len()).unwrap()), row);
        self.input(Input::Woken);
    }

    fn input(&mut self, input: Input) {
        let actions = self.machine.step(input, self.now);
        for action in &actions {
            let Action::Take(partner, _) = action else { continue };
            let is_theirs = |other: &Action| matches!(other, Action::Take(it, _) if it == partner);
            assert!(!self.under_way.iter().any(is_theirs), "one step at a time in a lane");
        }
        self.under_way.extend(actions);
    }

    /// The process is gone with all it knew, and its successor is in a new epoch.
    fn crash(&mut self) {
        self.under_way.clear();
        self.hanging.clear();
        self.machine = Deliveries::default();
        self.epoch += 1;
        self.input(Input::Woken);
    }

    fn run(&mut self, choice: u8, fault: Fault) {
        if self.under_way.is_empty() {
            return;
        }
        let action = self.under_way.remove(usize::from(choice) % self.under_way.len());
        if self.hangs(&action) {
            self.hanging.push(action);
            return;
        }
        if fault == Fault::CrashBefore {
            return self.crash();
        }
        let answer = match (&action, fault) {
            (Action::Look, Fault::NotDone) => Input::NotSeen,
            (Action::Take(partner, _), Fault::NotDone) => {
                Input::Done(partner.clone(), Outcome::Failed)
            }
            _ => self.perform(&action, fault),
        };
        match (fault, action) {
            (Fault::CrashAfter, _) => self.crash(),
            (Fault::AnswerLost, Action::Take(partner, _)) => {
                self.input(Input::Done(partner, Outcome::Failed));
            }
            (Fault::AnswerLost, Action::Look) => self.input(Input::NotSeen),
            _ => self.input(answer),
        }
    }

    fn hangs(&self, action: &Action) -> bool {
        self.trouble == Trouble::Hangs
            && matches!(action, Action::Take(partner, Work::Plan { .. } | Work::Place(_))
                if partner.as_str() == PARTNERS[0])
    }

    fn perform(&mut self, action: &Action, fault: Fault) -> Input {
        let (partner, step) = match action {
            Action::Look => {
                let undelivered = self.rows.values().filter(|row| row.is_to_be_delivered());
                return Input::Seen(undelivered.map(|row| row.partner.clone()).collect());
            }
            Action::Take(partner, step) => (partner, step),
        };
        let is_refused = fault == Fault::Refused
            || (self.trouble == Trouble::Refused && partner.as_str() == PARTNERS[0]);
        let outcome = match step {
            Work::Find(limit) => Outcome::Found(self.find(partner, *limit as usize)),
            Work::Plan { .. } if is_refused => Outcome::Planned(Vec::new()),
            Work::Plan { files, planned } => Outcome::Planned(self.plan(files, planned.clone())),
            Work::Record(placements) => Outcome::Recorded(self.record(placements)),
            Work::Place(placements) => Outcome::Placed(self.place(placements, is_refused)),
            Work::Finish(placements) => {
                self.finish(placements);
                Outcome::Finished(placements.iter().map(|(file, _)| *file).collect())
            }
        };
        Input::Done(partner.clone(), outcome)
    }

    fn find(&self, partner: &PartnerName, limit: usize) -> Vec<Candidate> {
        let found = self.rows.iter();
        found
            .filter(|(_, row)| row.is_to_be_delivered() && row.partner == *partner)
            .map(|(file, row)| Candidate { file: *file, recorded: row.recorded.clone() })
            .take(limit)
            .collect()
    }

    fn plan(&self, files: &[ReceivedFileId], mut planned: BTreeSet<Target>) -> Vec<Placement> {
        let mut placements = Vec::new();
        for file in files {
            let row = &self.rows[file];
            let numbered = (0..).map(|number| match number {
                0 => format!("{}/{}", row.partner, row.name),
                _ => format!("{}/{}.{number}", row.partner, row.name),
            });
            let mut targets = numbered.map(|target| target.parse::<Target>().unwrap());
            let is_free = |it: &Target| !planned.contains(it) && !self.disk.contains_key(it);
            let target = targets.find(is_free).unwrap();
            planned.insert(target.clone());
            placements.push((*file, target));
        }
        placements
    }

    fn record(&mut self, placements: &[Placement]) -> BTreeSet<ReceivedFileId> {
        let mut recorded = BTreeSet::new();
        for (file, target) in placements {
            let epoch = self.epoch;
            let Some(row) = self.rows.get_mut(file) else { continue };
            if row.is_to_be_delivered() {
                row.state = RowState::Delivering(epoch);
                row.recorded = Some(target.clone());
                recorded.insert(*file);
            }
        }
        recorded
    }

    fn place(&mut self, placements: &[Placement], refused: bool) -> Vec<(ReceivedFileId, Placing)> {
        let mut results = Vec::new();
        for (file, target) in placements {
            let row = self.rows.get_mut(file).unwrap();
            assert_eq!(row.recorded.as_ref(), Some(target), "recorded before it is put there");
            let placing = match (refused, row.has_part, self.disk.contains_key(target)) {
                (true, _, _) => Placing::Refused,
                (_, false, _) => Placing::InPlace,
                (_, true, true) => Placing::TargetTaken,
                (_, true, false) => {
                    self.disk.insert(target.clone(), Some(*file));
                    row.has_part = false;
                    row.moves += 1;
                    Placing::InPlace
                }
            };
            results.push((*file, placing));
        }
        results
    }

    fn finish(&mut self, placements: &[Placement]) {
        for (file, _) in placements {
            let row = self.rows.get_mut(file).unwrap();
            assert!(!row.has_part, "never said to be delivered before it is");
            // As the store has it: done again, it finds its own work.
            if row.state == RowState::Delivering(self.epoch) {
                row.state = RowState::Delivered;
                row.receipts += 1;
            }
        }
    }

    /// Somebody's program writes into the folder, or takes what lies there.
    fn meddle(&mut self, choice: u8) {
        let partner = PARTNERS[usize::from(choice) % PARTNERS.len()];
        let name = ["A", "A.1", "B", "B.1"][usize::from(choice / 16) % 4];
        let target: Target = format!("{partner}/{name}").parse().unwrap();
        if self.disk.remove(&target).is_none() {
            self.disk.insert(target, None);
        }
    }

    /// Without further faults, until nothing happens any more or time has gone on for long.
    fn settle(&mut self) {
        let until = self.now + at(600);
        self.input(Input::Woken);
        while self.now < until {
            while !self.under_way.is_empty() {
                self.run(0, Fault::None);
            }
            let Some(deadline) = self.machine.deadline() else { return };
            self.now = self.now.max(deadline) + Duration::from_millis(1);
            self.input(Input::TimePassed);
        }
    }

    fn disturb(&mut self, happening: u8, choice: u8) {
        match happening % 16 {
            0 => self.arrive(choice),
            1 => self.meddle(choice),
            2 => self.crash(),
            3 => self.input(Input::Woken),
            4 => {
                self.now += Duration::from_millis(u64::from(choice) * 100);
                self.input(Input::TimePassed);
            }
            5 => self.run(choice, Fault::NotDone),
            6 => self.run(choice, Fault::AnswerLost),
            7 => self.run(choice, Fault::CrashBefore),
            8 => self.run(choice, Fault::CrashAfter),
            9 => self.run(choice, Fault::Refused),
            _ => self.run(choice, Fault::None),
        }
    }
}

impl Row {
    fn is_to_be_delivered(&self) -> bool {
        self.state != RowState::Delivered
    }
}

fn happenings() -> impl Strategy<Value = Vec<(u8, u8)>> {
    prop::collection::vec(any::<(u8, u8)>(), 0..300)
}

proptest! {
    #![proptest_config(Config { failure_persistence: None, ..Config::with_cases(2000) })]

    #[test]
    fn every_file_is_delivered_exactly_once_and_none_is_stuck(happenings in happenings()) {
        let mut world = World::new(Trouble::None);
        for (happening, choice) in happenings {
            world.disturb(happening, choice);
        }
        world.settle();
        for (file, row) in &world.rows {
            let end = (row.state, row.moves, row.receipts);
            prop_assert_eq!(end, (RowState::Delivered, 1, 1), "file {}", file);
        }
    }

    #[test]
    fn one_partners_trouble_is_not_anothers(
        happenings in happenings(),
        trouble in prop_oneof![Just(Trouble::Refused), Just(Trouble::Hangs)],
    ) {
        let mut world = World::new(trouble);
        for (happening, choice) in happenings {
            world.disturb(happening, choice);
        }
        world.settle();
        for (file, row) in &world.rows {
            let end = (row.state, row.moves, row.receipts);
            if row.partner.as_str() == PARTNERS[0] {
                prop_assert_eq!((row.moves, row.receipts), (0, 0), "file {}", file);
            } else {
                prop_assert_eq!(end, (RowState::Delivered, 1, 1), "file {}", file);
            }
        }
    }
}
