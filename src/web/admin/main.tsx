import '@fontsource-variable/inter/wght.css'
import { render } from 'preact'
import { begin } from './data/session.ts'
import { AdminApp } from './views/app.tsx'

render(<AdminApp />, document.getElementById('app')!)
void begin()
// A link may be opened in a tab that is there already.
addEventListener('hashchange', () => {
  if (location.hash.startsWith('#link=')) location.reload()
})
