//! Who asks: the administration, or an agent for themself.

use axum::extract::FromRequestParts;
use axum::http::header::{AUTHORIZATION, SEC_WEBSOCKET_PROTOCOL};
use axum::http::request::Parts;
use trunkline_tenant::crds::AgentName;

use super::App;
use super::error::ApiError;
use crate::journal::Actor;
use crate::keys::{TenantKey, same_secret};

/// In a browser's `WebSocket(url, ["trunkline.v1", "bearer.TOKEN"])`, which can't set headers.
pub(super) const PROTOCOL_PREFIX: &str = "bearer.";

/// The tokens that open the API. None of them is ever logged.
#[derive(Clone)]
pub struct Tokens {
    admin: String,
    key: TenantKey,
}

impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tokens(…)")
    }
}

impl Tokens {
    /// The administration's token, and the key that agents' tokens are made with.
    pub fn new(admin: impl Into<String>, key: TenantKey) -> Self {
        Self {
            admin: admin.into(),
            key,
        }
    }

    fn who(&self, token: &str) -> Option<Caller> {
        if !self.admin.is_empty() && same_secret(token, &self.admin) {
            return Some(Caller::Admin);
        }
        let (agent, _) = token.rsplit_once('.')?;
        same_secret(token, &self.key.agent_token(agent)).then(|| Caller::Agent(agent.into()))
    }
}

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Caller {
    /// May do everything.
    Admin,
    /// May act for themself alone.
    Agent(AgentName),
}

impl Caller {
    pub(crate) fn actor(&self) -> Actor {
        match self {
            Self::Admin => Actor::Admin,
            Self::Agent(agent) => Actor::Agent(agent.to_string()),
        }
    }

    pub(crate) fn admin(&self) -> Result<(), ApiError> {
        match self {
            Self::Admin => Ok(()),
            Self::Agent(_) => Err(ApiError::Forbidden(
                "this is the administration's: an agent's token does not open it".into(),
            )),
        }
    }

    pub(crate) fn act_for(&self, agent: &AgentName) -> Result<(), ApiError> {
        match self {
            Self::Agent(own) if own != agent => Err(ApiError::Forbidden(format!(
                "{own} can do nothing for {agent}"
            ))),
            _ => Ok(()),
        }
    }
}

impl FromRequestParts<App> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let header = parts
            .headers
            .get(AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.strip_prefix("Bearer "));
        let protocol = || {
            parts
                .headers
                .get(SEC_WEBSOCKET_PROTOCOL)
                .and_then(|value| value.to_str().ok())?
                .split(',')
                .find_map(|word| word.trim().strip_prefix(PROTOCOL_PREFIX))
        };
        header
            .or_else(protocol)
            .and_then(|token| app.tokens.who(token.trim()))
            .ok_or(ApiError::Unauthorized)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens() -> Tokens {
        Tokens::new("root", TenantKey::new(b"0123456789abcdef").unwrap())
    }

    #[test]
    fn an_agents_token_names_and_proves_the_agent() {
        let key = TenantKey::new(b"0123456789abcdef").unwrap();
        let maria = key.agent_token("maria");
        assert_eq!(tokens().who(&maria), Some(Caller::Agent("maria".into())));
        let forged = maria.replace("maria", "noah");
        assert_eq!(tokens().who(&forged), None);
        assert_eq!(tokens().who("maria."), None);
    }

    #[test]
    fn an_empty_administration_token_opens_nothing() {
        let key = TenantKey::new(b"0123456789abcdef").unwrap();
        assert_eq!(Tokens::new("", key).who(""), None);
        assert_eq!(tokens().who("root"), Some(Caller::Admin));
        assert_eq!(format!("{:?}", tokens()), "Tokens(…)");
    }
}
