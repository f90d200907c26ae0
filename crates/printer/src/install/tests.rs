mod attacks;
mod ground;
mod interrupted;
mod owners;
mod plans;
