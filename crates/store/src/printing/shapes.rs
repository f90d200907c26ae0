//! Answers to polls, and how the description of the routes tells those that have one of several shapes.

use std::borrow::Cow;

use sealpost_api::printer::{ClaimedJob, Poll};
use serde::Serialize;
use utoipa::openapi::schema::{AnyOf, ObjectBuilder, Schema};
use utoipa::openapi::{Ref, RefOr};
use utoipa::{PartialSchema, ToSchema};

/// What an LMNT client gets.
#[derive(Serialize, ToSchema)]
pub(super) struct LmntQueue {
    /// None or one, claimed.
    pub(super) jobs: Vec<ClaimedJob>,
}

/// Where the file of a job is that was claimed before.
#[derive(Serialize, ToSchema)]
pub(super) struct JobAddress {
    pub(super) print_job_id: String,
    pub(super) purchase_id: String,
    pub(super) status: String,
    pub(super) gcode_file_url: String,
}

/// The list of a Sealpost agent, or that of an LMNT client.
pub(super) struct Queue;

/// One job, or the list of a Sealpost agent, or `{}` when nothing waits.
pub(super) struct NextJob;

type Schemas = Vec<(String, RefOr<Schema>)>;

impl PartialSchema for Queue {
    fn schema() -> RefOr<Schema> {
        any_of([named::<Poll>(), named::<LmntQueue>()])
    }
}

impl ToSchema for Queue {
    fn name() -> Cow<'static, str> {
        "Queue".into()
    }

    fn schemas(schemas: &mut Schemas) {
        register::<Poll>(schemas);
        register::<LmntQueue>(schemas);
    }
}

impl PartialSchema for NextJob {
    fn schema() -> RefOr<Schema> {
        let nothing = ObjectBuilder::new().max_properties(Some(0)).into();
        any_of([named::<ClaimedJob>(), named::<JobAddress>(), named::<Poll>(), nothing])
    }
}

impl ToSchema for NextJob {
    fn name() -> Cow<'static, str> {
        "NextJob".into()
    }

    fn schemas(schemas: &mut Schemas) {
        register::<ClaimedJob>(schemas);
        register::<JobAddress>(schemas);
        register::<Poll>(schemas);
    }
}

/// Any and not one of them: an empty list is of both kinds.
fn any_of<const N: usize>(shapes: [RefOr<Schema>; N]) -> RefOr<Schema> {
    let mut all = AnyOf::new();
    all.items = shapes.into();
    RefOr::T(Schema::AnyOf(all))
}

fn named<T: ToSchema>() -> RefOr<Schema> {
    Ref::from_schema_name(T::name()).into()
}

fn register<T: ToSchema>(schemas: &mut Schemas) {
    schemas.push((T::name().into(), T::schema()));
    T::schemas(schemas);
}
