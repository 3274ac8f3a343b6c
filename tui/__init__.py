"""The three screens: table, audit and bench. How they look stands in ``captures``; ``make captures`` draws it anew."""
