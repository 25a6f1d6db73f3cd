import { readFileSync } from 'node:fs'

/**
 * Loaded before a node (`node --import`): its wall clock is off by what the file of MUTTR_TEST_CLOCK says, in milliseconds, read again at
 * SIGUSR2, as if somebody had set the clock. Timers and `performance.now` go on as they do.
 */
const file = process.env.MUTTR_TEST_CLOCK!
const now = Date.now.bind(Date)
let shiftMs = 0
const read = () => {
  shiftMs = Number(readFileSync(file, 'utf8'))
}
read()
process.on('SIGUSR2', read)

const shifted = () => now() + shiftMs
globalThis.Date = new Proxy(Date, {
  construct: (target, args, made) =>
    Reflect.construct(target, args.length === 0 ? [shifted()] : args, made) as Date,
  get: (target, name) => (name === 'now' ? shifted : Reflect.get(target, name))
})
