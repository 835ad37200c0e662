"""The track component: one locus drawn in the browser, with the sliders that move its mask."""
