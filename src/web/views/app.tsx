import type { JSX } from 'preact'
import { access } from '../data/ask.ts'
import { isNew, settings, setup } from '../data/session.ts'
import { sentence } from '../data/toasts.ts'
import { Button, Empty, Spinner } from '../parts/basics.tsx'
import { Toasts } from '../parts/toasts.tsx'
import { FirstRun, later } from './first-run.tsx'
import { Shell } from './shell.tsx'
import { Unlock } from './unlock.tsx'

/** The whole page: what stands between the person and their letters comes first. */
export function App(): JSX.Element {
  document.documentElement.dataset.theme = settings.value?.theme ?? 'system'
  return (
    <>
      {phase()}
      <Toasts />
    </>
  )
}

function phase(): JSX.Element {
  if (access.value !== 'open') return <NoAccess />
  const now = setup.value
  if (now === null)
    return (
      <main class="alone">
        <Spinner label="Reaching your node" />
      </main>
    )
  if (now.state === 'failed') return <Failed />
  if (now.state === 'missing' || (isNew.value && !later.value)) return <FirstRun />
  if (now.locked) return <Unlock />
  return <Shell />
}

const NoAccess = (): JSX.Element => (
  <main class="alone">
    <div class="card">
      <Empty icon="door" title="This page needs its key">
        <p>
          {access.value === 'stale'
            ? 'Your node was started again since this page was opened, and has a new key.'
            : 'Only a page that was opened from your computer may see your letters.'}
        </p>
        <p>In a terminal:</p>
        <pre>
          <code>muttr page</code>
        </pre>
      </Empty>
    </div>
  </main>
)

const Failed = (): JSX.Element => (
  <main class="alone">
    <div class="card">
      <Empty icon="warning" title="Your node could not start">
        <p>{sentence(setup.value?.problem?.message ?? '')}</p>
        <p>{setup.value?.problem?.hint}</p>
        <Button onClick={() => location.reload()}>Look again</Button>
      </Empty>
    </div>
  </main>
)
