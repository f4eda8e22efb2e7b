mod broadcasting;
mod hostile;
mod joining;
mod net;
mod searching;
mod sizes;
mod upkeep;
