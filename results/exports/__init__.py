"""How do cues leave as a file?"""
