"""What the outer tests are built from: hosts, the program, an SSTP client of their own."""
