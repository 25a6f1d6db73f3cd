import type { JSX } from 'preact'
import type { Alarm } from '../../client/client.ts'
import { post } from '../data/ask.ts'
import { refresh, status } from '../data/session.ts'
import { attempt, sentence } from '../data/toasts.ts'
import { Button } from './basics.tsx'
import { Icon } from './icons.tsx'

/** What others are shown of the person, and nobody asked for: above everything until it is answered. */
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
  const answer = () =>
    attempt(async () => {
      await post('/alarms/answer', { alias: alarm.alias })
      await refresh()
    })
  return (
    <div class="banner bad" role="alert">
      <Icon name="warning" size={18} />
      <p class="banner-text">
        <strong>{alarm.alias}:</strong> {sentence(alarm.detail)} {alarm.hint}
      </p>
      <Button onClick={() => void answer()}>I have seen it</Button>
    </div>
  )
}
