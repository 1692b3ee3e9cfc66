/** Style of the operator page: system fonts, light and dark by the reader's own setting, readable at any width. */
export const STYLE = `
:root {
  color-scheme: light dark;
  --ground: light-dark(#f7f7f5, #16181b);
  --panel: light-dark(#ffffff, #1f2226);
  --text: light-dark(#1c1e21, #e6e7e9);
  --quiet: light-dark(#5a6068, #9aa1aa);
  --line: light-dark(#dcdedf, #34383e);
  --accent: light-dark(#8a3b12, #f0a36b);
  --good: light-dark(#1d6b3a, #6fcf97);
  --bad: light-dark(#a3231b, #ff8a80);
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--text); font: 15px/1.45 system-ui, sans-serif; }
header { display: flex; flex-wrap: wrap; gap: .5rem 1rem; align-items: baseline; padding: .8rem 1.2rem; border-bottom: 1px solid var(--line); background: var(--panel); }
header h1 { margin: 0; font-size: 1.15rem; letter-spacing: .02em; }
header .end { margin-left: auto; display: flex; gap: 1rem; align-items: baseline; }
main { max-width: 78rem; margin: 0 auto; padding: 1rem 1.2rem 3rem; display: grid; gap: 1rem; }
section { background: var(--panel); border: 1px solid var(--line); border-radius: .5rem; padding: .8rem 1rem; min-width: 0; }
.bar { display: flex; flex-wrap: wrap; gap: .5rem 1rem; align-items: center; margin-bottom: .5rem; }
h2 { margin: 0; font-size: 1rem; }
.quiet { color: var(--quiet); }
.good { color: var(--good); }
.bad { color: var(--bad); }
.scroll { overflow: auto; max-height: 26rem; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .25rem .9rem .25rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
th { position: sticky; top: 0; background: var(--panel); color: var(--quiet); font-weight: 600; font-size: .85rem; }
td.code, code { font-family: ui-monospace, monospace; font-size: .88em; }
td.code { white-space: nowrap; }
ul { margin: .3rem 0; padding-left: 1.2rem; }
label { display: inline-flex; gap: .4rem; align-items: baseline; }
input, button { font: inherit; color: inherit; background: var(--ground); border: 1px solid var(--line); border-radius: .3rem; padding: .3rem .6rem; }
button { cursor: pointer; }
a { color: var(--accent); }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
#login { max-width: 30rem; margin: 12vh auto 0; }
#login form { display: grid; gap: .7rem; }
#login label { display: grid; gap: .2rem; }
h3 { margin: 0; font-size: .95rem; }
#timeline { margin-top: .8rem; border-top: 1px solid var(--line); padding-top: .6rem; }
td button { padding: .05rem .5rem; margin-right: .3rem; }
button:disabled { opacity: .5; cursor: not-allowed; }
dialog { border: 1px solid var(--line); border-radius: .5rem; background: var(--panel); color: var(--text); max-width: 32rem; }
dialog form { display: grid; gap: .6rem; }
dialog::backdrop { background: rgb(0 0 0 / .5); }
select { font: inherit; color: inherit; background: var(--ground); border: 1px solid var(--line); border-radius: .3rem; padding: .3rem .6rem; }
#alarms { border-color: var(--bad); }
#arm-message:empty, #adopt-message:empty { display: none; }
#trouble:empty { display: none; }
[hidden] { display: none !important; }
`;
