//! From results to HTTP: one place where a failure becomes a status and a body.

use crate::app::{AppName, Blame, DeployName, DeployRef, Failure};
use axum::Json;
use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

/// What every handler answers.
pub type Answer<T> = Result<Json<T>, Refusal>;

/// A failure on its way to the client.
#[derive(Debug)]
pub struct Refusal(pub Failure);

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        Refusal(failure)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status = match self.0.blame {
            Blame::Usage => StatusCode::BAD_REQUEST,
            Blame::App => StatusCode::UNPROCESSABLE_ENTITY,
            Blame::Platform => StatusCode::CONFLICT,
            Blame::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        };
        (status, Json(self.0)).into_response()
    }
}

pub async fn unknown() -> Refusal {
    Refusal(
        Failure::usage("this server does not know the request")
            .next("are client and server of one version? compare `xii --version` and `xii status`"),
    )
}

/// APP and DEPLOY of the path, validated.
pub struct Named(pub DeployRef);

#[derive(Deserialize)]
struct Segments {
    app: String,
    deploy: String,
}

impl<S: Send + Sync> FromRequestParts<S> for Named {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let path = axum::extract::Path::<Segments>::from_request_parts(parts, state).await;
        let axum::extract::Path(names) =
            path.map_err(|error| Failure::usage("the path names no deploy").because(error))?;
        let app: AppName = names.app.parse().map_err(bad_name)?;
        let deploy: DeployName = names.deploy.parse().map_err(bad_name)?;
        Ok(Named(DeployRef { app, deploy }))
    }
}

pub fn bad_name(error: crate::app::NameError) -> Failure {
    Failure::usage(error.to_string())
}

/// A JSON body, with our kind of error.
pub struct Body<T>(pub T);

impl<S: Send + Sync, T: serde::de::DeserializeOwned> axum::extract::FromRequest<S> for Body<T> {
    type Rejection = Refusal;

    async fn from_request(request: axum::extract::Request, state: &S) -> Result<Self, Refusal> {
        let json = Json::<T>::from_request(request, state).await;
        let Json(body) =
            json.map_err(|error| Failure::usage("the request is not understood").because(error))?;
        Ok(Body(body))
    }
}
