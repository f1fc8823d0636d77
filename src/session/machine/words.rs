//! What the machine hears and what it asks for.

use std::sync::Arc;

use crate::base::problem::Problem;
use crate::domain::batch::Batch;
use crate::domain::message::AckToken;
use crate::domain::session::{LogLevel, SessionCommand, SessionEvent};
use crate::platform::plan::ConnectPlan;
use crate::platform::{Leave, Verdict};
use crate::session::link::{Arrival, LinkEvent, Order};

/// What happened.
#[derive(Debug)]
pub enum Input {
    Start,
    Command(SessionCommand),
    Planned(Result<ConnectPlan, Problem>),
    Link(LinkEvent),
    /// `Platform::attend` ended by itself.
    Left(Leave),
    /// `Platform::refused` answered.
    Judged(Verdict),
    Tick,
}

/// What is to be done.
#[derive(Debug, Clone)]
pub enum Action {
    Plan,
    /// Open a connection to this endpoint of the plan.
    Open {
        plan: Arc<ConnectPlan>,
        endpoint: usize,
    },
    Send(Order),
    /// Begin `Platform::attend`.
    Attend,
    /// Drop the connection and `attend`.
    Abandon,
    /// Ask `Platform::refused`.
    Judge(Problem),
    Deliver {
        arrival: Arrival,
        ack: Option<AckToken>,
        /// It waited in a kept session.
        session: bool,
    },
    /// None of them is acknowledged by its reader.
    DeliverAll(Batch),
    Post(SessionEvent),
    Log(LogLevel, String),
    End,
}
