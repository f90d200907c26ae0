//! Parameters of what printers ask.

use serde::Deserialize;
use utoipa::IntoParams;

#[derive(Clone, Copy, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct WaitQuery {
    /// Seconds to wait for a job when there is none.
    #[serde(default)]
    #[param(maximum = 65535)]
    pub(crate) wait: Option<u16>,
}

#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct JobQuery {
    /// Seconds to wait for a job when there is none.
    #[serde(default)]
    #[param(maximum = 65535)]
    pub(crate) wait: Option<u16>,
    /// The job; the next one where absent.
    #[serde(default)]
    pub(crate) print_job_id: Option<String>,
}

#[derive(Clone, Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct BlobQuery {
    /// The job.
    pub(crate) print_job_id: String,
}
