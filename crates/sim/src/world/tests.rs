mod churn;
mod figures;
mod pair;
mod swarm;
