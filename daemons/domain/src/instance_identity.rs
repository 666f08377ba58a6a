//! Which database and which volume are one instance: what each says of itself and of the other, and
//! what follows from both and the manifest.
//!
//! Each side names itself once and the other once: the database has a name of its own, the volume
//! records its own and the database's, the database records the volume's. Nothing of it is written
//! over but by a person's `seon adopt`. So whoever comes at the same moment, and whoever was frozen
//! in between, finds what the first one wrote: two databases cannot both have a volume, nor two
//! volumes a database.

use std::fmt;
use std::str::FromStr;

use uuid::Uuid;

use crate::InstanceName;

macro_rules! id {
    ($(#[doc = $doc:literal])* $name:ident) => {
        $(#[doc = $doc])*
        #[derive(Clone, Copy, PartialEq, Eq)]
        pub struct $name(Uuid);

        impl From<Uuid> for $name {
            fn from(id: Uuid) -> Self {
                Self(id)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, uuid::Error> {
                text.parse().map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }
    };
}

id! {
    /// The name that a database of an instance has for ever.
    DatabaseId
}
id! {
    /// The name that a volume of an instance has for ever.
    VolumeId
}

/// What a database says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatabaseIdentity {
    /// Its own name.
    pub id: DatabaseId,
    /// Of which instance it is.
    pub instance: InstanceName,
    /// The volume that belongs to it; `None` until one has said that it does.
    pub volume: Option<VolumeId>,
}

/// What a volume says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VolumeIdentity {
    /// Its own name.
    pub id: VolumeId,
    /// Of which instance it is.
    pub instance: InstanceName,
    /// The database that it belongs to.
    pub database: DatabaseId,
}

/// What both sides were found to say, each at its own moment; `None`: nothing yet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identities {
    /// The database.
    pub database: Option<DatabaseIdentity>,
    /// The volume.
    pub volume: Option<VolumeIdentity>,
}

/// What follows from what both sides say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Belonging {
    /// They are one instance.
    Agreed,
    /// They seem to be two, but may have been written between the looks at one and the other.
    LookAgain,
    /// Both are new: the database gets a name.
    NameDatabase,
    /// The volume is new, and the database has none yet: the volume gets a name, and this database.
    MarkVolume(DatabaseId),
    /// The volume belongs to the database, which does not know it yet.
    RecordVolume(DatabaseId, VolumeId),
    /// They are not one instance.
    Apart(Box<Mismatch>),
}

/// Judges one look after the other, in the instance that a manifest names.
#[derive(Clone, Debug)]
pub struct Judge {
    manifest: InstanceName,
    before: Option<Identities>,
}

impl Judge {
    /// Before the first look.
    pub fn new(manifest: InstanceName) -> Self {
        Self { manifest, before: None }
    }

    /// Judges what this look has found. A refusal is only believed if the look before found the same:
    /// then both sides said so at one moment, the one between the two.
    pub fn judge(&mut self, found: Identities) -> Belonging {
        let belonging = Belonging::of(&self.manifest, &found);
        let is_confirmed = self.before.as_ref() == Some(&found);
        self.before = Some(found);
        match belonging {
            Belonging::Apart(_) if !is_confirmed => Belonging::LookAgain,
            belonging => belonging,
        }
    }
}

impl Belonging {
    fn of(manifest: &InstanceName, found: &Identities) -> Self {
        let Identities { database, volume } = found;
        let Some(database) = database else {
            return match volume {
                None => Self::NameDatabase,
                Some(volume) => Self::apart(Mismatch::DatabaseUnknown { volume: volume.clone() }),
            };
        };
        if database.instance != *manifest {
            let (manifest, database) = (manifest.clone(), database.clone());
            return Self::apart(Mismatch::Name { manifest, database });
        }
        match (volume, database.volume) {
            (None, None) => Self::MarkVolume(database.id),
            (None, Some(known)) => {
                Self::apart(Mismatch::VolumeUnknown { database: database.clone(), known })
            }
            (Some(volume), _) if volume.database != database.id => {
                let (database, volume) = (database.clone(), volume.clone());
                Self::apart(Mismatch::Database { database, volume })
            }
            (Some(volume), None) => Self::RecordVolume(database.id, volume.id),
            (Some(volume), Some(known)) if known != volume.id => {
                let (database, volume) = (database.clone(), volume.clone());
                Self::apart(Mismatch::Volume { database, known, volume })
            }
            (Some(_), Some(_)) => Self::Agreed,
        }
    }

    fn apart(mismatch: Mismatch) -> Self {
        Self::Apart(Box::new(mismatch))
    }
}

/// Why a database, a volume and a manifest are not one instance.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Mismatch {
    /// The database is another instance's, or this one was renamed.
    #[error(
        "the manifest names the instance {manifest}, but the database is that of {} (its identity is \
         {}); give each instance a database of its own (spec.database), or, if the instance was \
         renamed, stop all of its daemons and run: seon adopt",
        database.instance, database.id
    )]
    Name {
        /// The manifest's.
        manifest: InstanceName,
        /// What the database says.
        database: DatabaseIdentity,
    },
    /// The volume belongs to another database.
    #[error(
        "the volume {} belongs to the database {} of {}, but spec.database leads to the database {} of \
         {}; correct spec.database or spec.storage, or, if these two are to be one instance from now on, \
         stop all of its daemons and run: seon adopt",
        volume.id, volume.database, volume.instance, database.id, database.instance
    )]
    Database {
        /// What the database says.
        database: DatabaseIdentity,
        /// What the volume says.
        volume: VolumeIdentity,
    },
    /// The volume belongs to a database, and the one that is there is new.
    #[error(
        "the volume {} belongs to the database {} of {}, but the database that spec.database leads to \
         is new or was restored from a time before it had an identity; correct spec.database or \
         spec.storage, or, if these two are to be one instance from now on, stop all of its daemons and \
         run: seon adopt",
        volume.id, volume.database, volume.instance
    )]
    DatabaseUnknown {
        /// What the volume says.
        volume: VolumeIdentity,
    },
    /// The database belongs to another volume.
    #[error(
        "the database {} of {} belongs to the volume {known}, but spec.storage leads to the volume {}: \
         every daemon has to see one and the same volume; correct spec.storage, or, if this is to be \
         the instance's volume from now on, stop all of its daemons and run: seon adopt",
        database.id, database.instance, volume.id
    )]
    Volume {
        /// What the database says.
        database: DatabaseIdentity,
        /// The volume that it knows.
        known: VolumeId,
        /// What the volume says.
        volume: VolumeIdentity,
    },
    /// The database belongs to a volume, and the one that is there is new.
    #[error(
        "the database {} of {} belongs to the volume {known}, but the volume that spec.storage leads to \
         has no identity (no file spool/instance): it is new, not mounted, or not the one that the \
         other daemons see; mount the right one, or, if this is to be the instance's volume from now \
         on, stop all of its daemons and run: seon adopt",
        database.id, database.instance
    )]
    VolumeUnknown {
        /// What the database says.
        database: DatabaseIdentity,
        /// The volume that it knows.
        known: VolumeId,
    },
}

impl Mismatch {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Name { .. } => "E-INSTANCE-NAME",
            Self::Database { .. } | Self::DatabaseUnknown { .. } => "E-INSTANCE-DATABASE",
            Self::Volume { .. } | Self::VolumeUnknown { .. } => "E-INSTANCE-VOLUME",
        }
    }
}

const INSTANCE: &str = "instance";
const VOLUME: &str = "volume";
const DATABASE: &str = "database";

/// As it stands in the volume's file, for people and for us.
impl fmt::Display for VolumeIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, instance, database } = self;
        writeln!(
            f,
            "# To which instance and database this volume belongs. It changes by: seon adopt"
        )?;
        writeln!(f, "{INSTANCE}: {instance}")?;
        writeln!(f, "{DATABASE}: {database}")?;
        writeln!(f, "{VOLUME}: {id}")
    }
}

impl FromStr for VolumeIdentity {
    type Err = NotAVolumeIdentity;

    fn from_str(text: &str) -> Result<Self, NotAVolumeIdentity> {
        let mut lines = text.lines().filter(|line| !line.starts_with('#'));
        let mut value = |field: &'static str| {
            let line = lines.next().ok_or(NotAVolumeIdentity { field })?;
            let value = line.strip_prefix(field).and_then(|rest| rest.strip_prefix(": "));
            value.ok_or(NotAVolumeIdentity { field })
        };
        let wrong = |field| NotAVolumeIdentity { field };
        let instance = value(INSTANCE)?.parse().map_err(|_| wrong(INSTANCE))?;
        let database = value(DATABASE)?.parse().map_err(|_| wrong(DATABASE))?;
        let id = value(VOLUME)?.parse().map_err(|_| wrong(VOLUME))?;
        match lines.next() {
            None => Ok(Self { id, instance, database }),
            Some(_) => Err(wrong("end")),
        }
    }
}

/// What cannot be a volume's identity: the first line that is missing or not as it was written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("its line \"{field}\" is missing or not as Seon wrote it")]
pub struct NotAVolumeIdentity {
    field: &'static str,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id<T: From<Uuid>>(number: u128) -> T {
        Uuid::from_u128(number).into()
    }

    fn name(name: &str) -> InstanceName {
        name.parse().unwrap()
    }

    fn database(number: u128, instance: &str, volume: Option<u128>) -> DatabaseIdentity {
        DatabaseIdentity { id: id(number), instance: name(instance), volume: volume.map(id) }
    }

    fn volume(number: u128, database: u128) -> VolumeIdentity {
        VolumeIdentity { id: id(number), instance: name("acme"), database: id(database) }
    }

    fn judged(database: Option<DatabaseIdentity>, volume: Option<VolumeIdentity>) -> String {
        match Belonging::of(&name("acme"), &Identities { database, volume }) {
            Belonging::Agreed => "agreed".to_owned(),
            Belonging::LookAgain => "look again".to_owned(),
            Belonging::NameDatabase => "name the database".to_owned(),
            Belonging::MarkVolume(it) => format!("mark the volume for {}", it == id(1)),
            Belonging::RecordVolume(it, known) => {
                format!("record the volume {} {}", it == id(1), known == id(10))
            }
            Belonging::Apart(mismatch) => mismatch.code().to_owned(),
        }
    }

    #[test]
    fn every_pair_of_a_database_and_a_volume_is_judged() {
        let new = || None;
        let acme = |known| Some(database(1, "acme", known));
        let bolt = |known| Some(database(2, "bolt", known));
        let at = |number, database| Some(volume(number, database));
        for (database, volume, expected) in [
            (new(), None, "name the database"),
            (new(), at(10, 1), "E-INSTANCE-DATABASE"),
            (acme(None), None, "mark the volume for true"),
            (acme(None), at(10, 1), "record the volume true true"),
            (acme(None), at(10, 3), "E-INSTANCE-DATABASE"),
            (acme(Some(10)), None, "E-INSTANCE-VOLUME"),
            (acme(Some(10)), at(10, 1), "agreed"),
            (acme(Some(10)), at(11, 1), "E-INSTANCE-VOLUME"),
            (acme(Some(10)), at(10, 3), "E-INSTANCE-DATABASE"),
            (acme(Some(10)), at(11, 3), "E-INSTANCE-DATABASE"),
            (bolt(None), None, "E-INSTANCE-NAME"),
            (bolt(None), at(10, 1), "E-INSTANCE-NAME"),
            (bolt(None), at(10, 2), "E-INSTANCE-NAME"),
            (bolt(Some(10)), None, "E-INSTANCE-NAME"),
            (bolt(Some(10)), at(10, 2), "E-INSTANCE-NAME"),
            (bolt(Some(10)), at(11, 1), "E-INSTANCE-NAME"),
        ] {
            assert_eq!(
                judged(database.clone(), volume.clone()),
                expected,
                "{database:?} {volume:?}"
            );
        }
    }

    #[test]
    fn what_was_written_between_two_looks_is_no_refusal() {
        let mut judge = Judge::new(name("acme"));
        let torn = || Identities { database: Some(database(1, "acme", Some(10))), volume: None };
        assert_eq!(judge.judge(torn()), Belonging::LookAgain);
        assert_eq!(judge.judge(Identities::default()), Belonging::NameDatabase);
        assert_eq!(judge.judge(torn()), Belonging::LookAgain);
        assert!(matches!(judge.judge(torn()), Belonging::Apart(_)));
        let agreed = Identities { volume: Some(volume(10, 1)), ..torn() };
        assert_eq!(judge.judge(agreed), Belonging::Agreed);
    }

    /// Two databases and two volumes.
    #[derive(Clone, Debug, Default)]
    struct World {
        databases: [Option<DatabaseIdentity>; 2],
        volumes: [Option<VolumeIdentity>; 2],
    }

    /// A process that begins an instance with one of each.
    #[derive(Clone, Debug)]
    struct Process {
        database: usize,
        volume: usize,
        /// What it names what it makes.
        fresh: u128,
        judge: Judge,
        doing: Doing,
    }

    /// What it does next, one look or write at a time.
    #[derive(Clone, Debug)]
    enum Doing {
        LookAtVolume,
        LookAtDatabase(Option<VolumeIdentity>),
        Write(Belonging),
        Ended { agreed: bool },
    }

    fn process(database: usize, volume: usize, fresh: u128) -> Process {
        let judge = Judge::new(name("acme"));
        Process { database, volume, fresh, judge, doing: Doing::LookAtVolume }
    }

    impl Process {
        fn step(&mut self, world: &mut World) {
            let database = &mut world.databases[self.database];
            let volume = &mut world.volumes[self.volume];
            self.doing = match &self.doing {
                Doing::LookAtVolume => Doing::LookAtDatabase(volume.clone()),
                Doing::LookAtDatabase(volume) => {
                    let (database, volume) = (database.clone(), volume.clone());
                    match self.judge.judge(Identities { database, volume }) {
                        Belonging::Agreed => Doing::Ended { agreed: true },
                        Belonging::Apart(_) => Doing::Ended { agreed: false },
                        Belonging::LookAgain => Doing::LookAtVolume,
                        decided => Doing::Write(decided),
                    }
                }
                Doing::Write(decided) => {
                    self.write(decided, database, volume);
                    Doing::LookAtVolume
                }
                Doing::Ended { agreed } => Doing::Ended { agreed: *agreed },
            };
        }

        /// Only what is not there is written.
        fn write(
            &self,
            decided: &Belonging,
            row: &mut Option<DatabaseIdentity>,
            file: &mut Option<VolumeIdentity>,
        ) {
            match decided {
                Belonging::NameDatabase => {
                    row.get_or_insert_with(|| database(self.fresh, "acme", None));
                }
                Belonging::MarkVolume(database) => {
                    let (id, instance) = (id(self.fresh + 100), name("acme"));
                    file.get_or_insert(VolumeIdentity { id, instance, database: *database });
                }
                Belonging::RecordVolume(database, volume) => {
                    if let Some(row) = row.as_mut().filter(|row| row.id == *database) {
                        row.volume.get_or_insert(*volume);
                    }
                }
                Belonging::Agreed | Belonging::LookAgain | Belonging::Apart(_) => {}
            }
        }
    }

    /// How both end, in every order of their looks and writes. One that stops anywhere and is never
    /// heard of again is in there too: the order in which the other one comes to its end first.
    fn ends(processes: [Process; 2]) -> Vec<[bool; 2]> {
        let mut ends = Vec::new();
        let mut seen = std::collections::BTreeSet::new();
        let mut open = vec![(World::default(), processes)];
        while let Some((world, processes)) = open.pop() {
            if let [Doing::Ended { agreed: one }, Doing::Ended { agreed: other }] =
                [&processes[0].doing, &processes[1].doing]
            {
                ends.push([*one, *other]);
                continue;
            }
            for turn in 0..2 {
                let (mut world, mut processes) = (world.clone(), processes.clone());
                processes[turn].step(&mut world);
                if seen.insert(format!("{world:?} {processes:?}")) {
                    open.push((world, processes));
                }
            }
        }
        assert!(ends.len() > 1);
        ends
    }

    #[test]
    fn daemons_that_begin_a_new_instance_at_the_same_moment_all_agree() {
        let ends = ends([process(0, 0, 1), process(0, 0, 2)]);
        assert!(ends.iter().all(|end| *end == [true, true]), "{ends:?}");
    }

    #[test]
    fn of_two_volumes_that_one_database_is_begun_with_just_one_belongs_to_it() {
        let ends = ends([process(0, 0, 1), process(0, 1, 2)]);
        assert!(ends.iter().all(|[one, other]| one != other), "{ends:?}");
    }

    #[test]
    fn of_two_databases_that_one_volume_is_begun_with_just_one_belongs_to_it() {
        let ends = ends([process(0, 0, 1), process(1, 0, 2)]);
        assert!(ends.iter().all(|[one, other]| one != other), "{ends:?}");
    }

    #[test]
    fn a_volumes_identity_is_read_as_it_was_written() {
        let written = volume(10, 1);
        assert_eq!(written.to_string().parse(), Ok(written));
    }

    #[test]
    fn a_file_that_is_no_identity_says_which_line_is_wrong() {
        let text = volume(10, 1).to_string();
        for (wrong, field) in [
            (String::new(), "instance"),
            (text.replace("instance: acme", "instance: Acme & Co"), "instance"),
            (text.replace("database: 0", "database: x"), "database"),
            (text.replace("volume: ", "volumes: "), "volume"),
            (format!("{text}more: of it\n"), "end"),
        ] {
            let error = wrong.parse::<VolumeIdentity>().unwrap_err();
            assert!(error.to_string().contains(&format!("\"{field}\"")), "{error}");
        }
    }
}
