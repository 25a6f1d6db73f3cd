import type { JSX } from 'preact'
import type { Alarm } from '../../client/client.ts'
import { post } from '../data/ask.ts'
import { download } from '../data/house.ts'
import { refresh, status } from '../data/session.ts'
import { attempt, sentence } from '../data/toasts.ts'
import { Safe } from '../text/safe.tsx'
import { Button } from './basics.tsx'
import { Icon } from './icons.tsx'

/** What pods show, and nobody asked for: above everything until it is answered. */
export function Alarms(): JSX.Element {
  const alarms = status.value?.alarms ?? []
  return (
    <>
      {alarms.map(alarm => (
        <Row key={`${alarm.alias} ${alarm.what} ${alarm.shown}`} alarm={alarm} />
      ))}
    </>
  )
}

function Row({ alarm }: { alarm: Alarm }): JSX.Element {
  const { alias, what } = alarm
  const answer = () =>
    attempt(async () => {
      await post('/alarms/answer', { alias })
      await refresh()
    })
  return (
    <div class="banner bad" role="alert">
      <Icon name="warning" size={18} />
      <p class="banner-text">
        <strong>
          <Safe text={alias} />:
        </strong>{' '}
        <Safe text={sentence(alarm.detail)} />{' '}
        {what === 'equivocated' ? <Equivocated /> : <Safe text={alarm.hint} />}
      </p>
      {what === 'equivocated' && (
        <Button
          icon="download"
          onClick={() =>
            void attempt(() =>
              download(`/alarms/${encodeURIComponent(alias)}/proof`, `${alias}.muttr-proof`)
            )
          }
        >
          Save the proof
        </Button>
      )}
      <Button onClick={() => void answer()}>I have seen it</Button>
    </div>
  )
}

/** The node's own hint names commands. Source: docs/protocol/proof.md#a-split-view */
const Equivocated = (): JSX.Element => (
  <>
    Compare keys with them by another way before you write there. The proof shows anybody that
    whoever has that pod’s key signed both; not which of the keys is right. Give it to the people
    who run that pod, and yours.
  </>
)
