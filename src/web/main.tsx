import '@fontsource-variable/inter/wght.css'
import { effect, untracked } from '@preact/signals'
import { render } from 'preact'
import { access, takeToken } from './data/ask.ts'
import { follow } from './data/live.ts'
import { reload, unread } from './data/mailbox.ts'
import { isLocked, refresh, setup } from './data/session.ts'
import { App } from './views/app.tsx'

takeToken()
render(<App />, document.getElementById('app')!)
if (access.value === 'open') {
  void refresh()
  void follow()
}
// A node that runs and is open has letters to show; one that just was not, has them now.
effect(() => {
  // What reading the list looks at must not bring it here again.
  if (setup.value?.state === 'running' && !isLocked.value) untracked(() => void reload())
})
effect(() => {
  document.title = unread.value > 0 ? `(${unread.value}) Muttr` : 'Muttr'
})
// The address with a token may be opened in a tab that is there already.
addEventListener('hashchange', () => {
  if (location.hash.startsWith('#token=')) location.reload()
})
