mod acquaintances;
mod churn;
mod figures;
mod liars;
mod pair;
mod swarm;
