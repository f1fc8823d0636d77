//! What a custom authorizer reads: its parameters ride in the query of the user name (`reference/aws-iot.md` 2.3).

use crate::base::percent::encode;
use crate::base::problem::Problem;
use crate::base::secret::Secret;
use crate::domain::profile::AwsAuthorizer;
use crate::platform::io::Io;

/// User name and password of CONNECT.
pub(super) async fn login(
    io: &dyn Io,
    authorizer: &AwsAuthorizer,
) -> Result<(Option<String>, Option<Secret>), Problem> {
    let mut parameters = Vec::new();
    if let Some(name) = &authorizer.name {
        parameters.push(format!("x-amz-customauthorizer-name={}", encode(name)));
    }
    if let Some(place) = &authorizer.signature {
        let signature = io.secret(place).await?;
        let signature = once_encoded(signature.expose());
        parameters.push(format!("x-amz-customauthorizer-signature={signature}"));
    }
    if let Some((name, place)) = &authorizer.token {
        let token = io.secret(place).await?;
        parameters.push(format!("{}={}", encode(name), encode(token.expose())));
    }
    let own = authorizer.username.clone().unwrap_or_default();
    let username = if parameters.is_empty() {
        own
    } else {
        format!("{own}?{}", parameters.join("&"))
    };
    let password = match &authorizer.password {
        Some(place) => Some(io.secret(place).await?),
        None => None,
    };
    Ok((Some(username).filter(|name| !name.is_empty()), password))
}

/// People paste it both ways; base64 itself holds no `%`.
fn once_encoded(signature: &str) -> String {
    if signature.contains('%') {
        signature.to_owned()
    } else {
        encode(signature)
    }
}
