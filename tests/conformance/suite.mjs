/* The suite's command line as scripts/conformance needs it: the tests that it is given at once, results as JSON.
 *
 *   node suite.mjs list               {id: {suite, kind, name, needs}}; those for browsers alone are left out
 *   node suite.mjs run URL [ID...]    {id: true | [sort of failure, message]}, all tests or these, through the cache at URL
 *   node suite.mjs show URL ID        the dialogue of one test as the client saw it, and the tests it depends on */
import fetch from 'node-fetch'
import { getResults, runTests } from 'http-cache-tests/client/runner.mjs'
import surrogate from 'http-cache-tests/tests/surrogate-control.mjs'
import suites from 'http-cache-tests/tests/index.mjs'

const all = [...suites, surrogate]

function list () {
	const found = {}
	for (const suite of all) {
		for (const test of suite.tests.filter(t => !t.browser_only)) {
			found[test.id] = { suite: suite.id, kind: test.kind || 'required', name: test.name, needs: test.depends_on || [] }
		}
	}
	return found
}

async function run (url, ids, dump) {
	const chosen = all.map(suite => ({
		...suite,
		tests: suite.tests.filter(t => ids.length === 0 || ids.includes(t.id)).map(t => ({ ...t, dump }))
	}))
	await runTests(chosen, fetch, false, url)
	return getResults()
}

const [what, url, ...ids] = process.argv.slice(2)
if (what === 'list') {
	console.log(JSON.stringify(list()))
} else {
	console.log(JSON.stringify(await run(url, ids, what === 'show')))
}
