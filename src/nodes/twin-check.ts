import { failureOf } from '../base/failure.ts'
import type { Check } from '../client/client.ts'
import type { Whereabouts } from '../pod/whereabouts.ts'

const name = 'one machine'

/** What the doctor says of a second process with the keys of this pod: an old machine, or a copy, that was started again. */
export const twinCheck =
  (whereabouts: () => Whereabouts | undefined) => async (): Promise<Check[]> => {
    const said = whereabouts()
    if (!said) return []
    try {
      const where = await said.elsewhere()
      if (!where) return [{ name, ok: true, detail: 'nobody else has its keys', hint: null }]
      return [
        {
          ...{ name, ok: false, detail: `its keys are used elsewhere, too: ${where.join(', ')}` },
          hint: 'Stop the one that is old: what comes there is not here. See docs/guides/pod.md, Another machine.'
        }
      ]
    } catch (err) {
      const { code } = failureOf(err)
      return [{ name, ok: true, detail: `the network does not say (${code})`, hint: null }]
    }
  }
