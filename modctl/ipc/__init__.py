"""Between the controller and its clients: messages, their bytes, the socket."""
