import type { Change, State } from '../../store/state.ts'

const log = 'office'
const pageRows = 500

/** To be written with what operators may want to see at once: a deed, somebody who asks for an alias, a report. */
export const ring: Change = { type: 'append', log, entry: new Uint8Array([1]) }

/** Tells whoever looks on, at any process of the pod, that there is something new. */
export const onRing = (state: State, wake: () => void): Disposable => state.watch(log, wake)

/** Nobody reads what was rung before. */
export async function sweepRings(state: State): Promise<void> {
  const last = (await state.page(log, 0, pageRows)).at(-1)
  if (last) await state.write([{ type: 'trim', log, through: last.sequence }])
}
