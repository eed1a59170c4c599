"""Reviews outcomes that changed: keeps them beside the vault, shows the differences, and accepts them one by one."""
