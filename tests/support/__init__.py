"""What tests share: servers, clients, and answers about this machine."""
