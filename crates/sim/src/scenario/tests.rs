mod experiments;
mod files;
mod hostile;
mod nats;
