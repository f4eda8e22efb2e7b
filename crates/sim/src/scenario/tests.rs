mod experiments;
mod files;
mod hostile;
