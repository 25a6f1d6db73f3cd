/** After so many turns the process may look at its signals, and at whatever else waits outside of the world. */
const turnsAtOnce = 4_096

/**
 * Calls `step` again and again until it says that it is done, each time after all that the last call set off has come to rest. Node
 * empties the queue of promises whenever no callback of `process.nextTick` is left (`processTicksAndRejections` in its
 * lib/internal/process): so a tick that is asked for from within that queue comes when it is empty, at four times the speed of a turn
 * of the event loop. It holds as long as nothing in the world waits for a thread, a file or a real timer, and nothing in it does.
 * @param breathe called between such batches.
 */
export function inTurns(step: () => boolean, breathe: () => void): Promise<void> {
  return new Promise((resolve, reject) => {
    let turns = 0
    const next = () => process.nextTick(turn)
    const turn = () => {
      try {
        if (step()) return resolve()
        if (++turns % turnsAtOnce !== 0) return queueMicrotask(next)
        breathe()
        setImmediate(turn)
      } catch (err) {
        reject(err)
      }
    }
    queueMicrotask(next)
  })
}
