"""Graph -> text and pictures. Imports graph and errors of ours, and never torch."""
