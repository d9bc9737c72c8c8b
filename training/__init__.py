"""How the small voice and the small ear that ship with the repository were trained."""
