//! Words about sessions.

/// The code of a session that both sides wanted to end.
pub const ENDED_IN_ORDER: &str = "ESID-00";

/// What a session that we begin is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// To send what is ready and to take what the partner has.
    Exchange,
    /// To see whether a session comes about; nothing of ours is sent.
    Ping,
}

/// Whose fault it is that a session or call ended before its time. What an entry's attempts count, and
/// what blocks it in the end, is the partner's alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Ours on purpose: a shutdown, or an operator's wish. It goes on at the next opportunity.
    Wish,
    /// Ours: the database, the disk, a task, a line of our own.
    Ours,
    /// The partner's, or the way's to it.
    Partners,
}

impl Fault {
    /// Judged by the stable code, which is all that a row or another daemon has of it.
    pub fn of(code: &str) -> Self {
        const OURS: [&str; 8] = [
            "E-STORE-",
            "E-SPOOL-",
            "E-LEASE-",
            "E-TASK-",
            "E-RUN-",
            "E-DIAL-LOST",
            "E-DIAL-STOPPED",
            "E-SESSION-CRASHED",
        ];
        match code {
            "E-SESSION-SHUTDOWN" | "E-SESSION-ABORTED" => Self::Wish,
            code if OURS.iter().any(|ours| code.starts_with(ours)) => Self::Ours,
            _ => Self::Partners,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_or_a_lost_database_is_no_fault_of_the_partners() {
        for (code, whose) in [
            ("E-SPOOL-FULL", Fault::Ours),
            ("E-STORE-UNAVAILABLE", Fault::Ours),
            ("E-DIAL-LOST", Fault::Ours),
            ("E-SESSION-SHUTDOWN", Fault::Wish),
            ("E-SESSION-TIMEOUT", Fault::Partners),
            ("E-CONNECT-REFUSED", Fault::Partners),
            ("E-SESSION-ESID-04", Fault::Partners),
        ] {
            assert_eq!(Fault::of(code), whose, "{code}");
        }
    }
}
