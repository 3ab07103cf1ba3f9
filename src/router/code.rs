//! Heroku's H-codes: what went wrong, said to the log and not to the visitor.

/// Why a request was not answered by an app.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    H10,
    H11,
    H12,
    H13,
    H14,
    H15,
    H17,
    H18,
    H19,
    H20,
    H21,
    H27,
    H28,
    H99,
}

impl Code {
    pub fn description(self) -> &'static str {
        match self {
            Code::H10 => "App crashed",
            Code::H11 => "Backlog too deep",
            Code::H12 => "Request timeout",
            Code::H13 => "Connection closed without response",
            Code::H14 => "No web processes running",
            Code::H15 => "Idle connection",
            Code::H17 => "Poorly formatted HTTP response",
            Code::H18 => "Server Request Interrupted",
            Code::H19 => "Backend connection timeout",
            Code::H20 => "App boot timeout",
            Code::H21 => "Backend connection refused",
            Code::H27 => "Client Request Interrupted",
            Code::H28 => "Client Connection Idle",
            Code::H99 => "Platform error",
        }
    }

    pub fn status(self) -> u16 {
        match self {
            Code::H27 | Code::H28 => 499,
            Code::H99 => 500,
            _ => 503,
        }
    }

    /// The visitor went away: nobody failed.
    pub fn is_clients_own(self) -> bool {
        matches!(self, Code::H27 | Code::H28)
    }
}
