//! Whom to be when we are root and should not be.

/// A user of this machine.
#[derive(Clone, Debug)]
pub(crate) struct Account {
    pub(crate) name: String,
    pub(crate) user: u32,
    pub(crate) group: u32,
}

impl Account {
    /// What makes `setpriv` run a program as this user.
    pub(crate) fn arguments(&self) -> [String; 3] {
        [
            format!("--reuid={}", self.user),
            format!("--regid={}", self.group),
            "--clear-groups".to_owned(),
        ]
    }
}

/// `None` if we are not root; an error if there is nobody else to be.
pub(crate) fn unprivileged_account() -> Result<Option<Account>, String> {
    if !rustix::process::geteuid().is_root() {
        return Ok(None);
    }
    let accounts = std::fs::read_to_string("/etc/passwd").map_err(|error| error.to_string())?;
    let account = |name: &str| {
        let mut fields = accounts
            .lines()
            .map(|line| line.split(':'))
            .find_map(|mut fields| (fields.next()? == name).then_some(fields))?;
        let user = fields.nth(1)?.parse().ok().filter(|&user| user != 0)?;
        let group = fields.next()?.parse().ok()?;
        Some(Account { name: name.to_owned(), user, group })
    };
    match account("postgres").or_else(|| account("nobody")) {
        Some(account) => Ok(Some(account)),
        None => Err("we are root, and there is no user postgres or nobody to be instead".into()),
    }
}
