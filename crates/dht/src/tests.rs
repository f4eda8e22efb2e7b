mod announcing;
mod hostile;
mod items;
mod joining;
mod net;
