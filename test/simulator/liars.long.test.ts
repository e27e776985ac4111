// time limit: 900 s
/** Liars in the simulator that must break nothing, at ten times as many seeds as in `liars.test.ts`. */
import { test } from 'uvu'
import { liarsThatBreakNothing } from './liars-sweeps.js'

liarsThatBreakNothing(40, 120)

test.run()
