// TrackRev's pixel. One tag:
//   <script async src="https://HOST/p.js" data-workspace="ws_..." data-cookie-domain=".yoursite.com"></script>
// A site with several domains names all of them: data-cookie-domain=".yoursite.com .yoursite.de".
// Calls before it has loaded wait in a queue, with this stub in the page, which `trackrev workspace show` prints:
//   window.trackrev = window.trackrev || function () { (trackrev.q = trackrev.q || []).push(arguments) }
//
//   trackrev('identify', email, {proof})  this visitor has this email; proof comes from your backend
//   trackrev('pageview')                  one more page view, for what changes no path
//   trackrev('visitor', callback)         the visitor's id, for Stripe's metadata or client_reference_id
//   trackrev('consent', false | true)     stop and forget | go on; data-consent="required" waits for true
//
// <input data-trackrev-email> identifies when its form is submitted. data-endpoint overrides where hits go.
(function (window, document) {
  var script = document.currentScript || document.querySelector('script[data-workspace]')
  var data = script.dataset
  // Two tags in one page count once.
  if (document.trackrev) return
  document.trackrev = 1

  var host = new URL(script.src, location.href)
  var endpoint = data.endpoint || host.origin + '/e'
  var domain = (data.cookieDomain || '').replace(/(^| )\./g, '$1').split(' ').find(function (each) {
    return ('.' + location.hostname).endsWith('.' + each)
  }) || ''
  // On the site's own hosts the collector sets the cookie, which browsers keep for longer than one of a script.
  var foreign = host.hostname != location.hostname && !(domain && ('.' + host.hostname).endsWith('.' + domain))
  var allowed = data.consent != 'required'
  var never = [400, 401, 403, 404, 410, 413, 422]

  var visitor, path
  var referrer = document.referrer
  var queue = []      // hits not yet sent
  var retries = []    // batches waiting to be sent again
  var waiting = []    // callbacks that wait for the collector to say who this is
  var answered, timer

  function uuid() {
    var bytes = crypto.getRandomValues(new Uint8Array(16))
    var hex = Date.now().toString(16).padStart(12, '0')
    bytes[6] = bytes[6] & 15 | 112
    bytes[8] = bytes[8] & 63 | 128
    for (var i = 6; i < 16; i++) hex += (bytes[i] + 256).toString(16).slice(1)
    return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
  }

  function cookie() {
    return (document.cookie.match(/(?:^|; )tr_vid=([0-9a-f-]{36})(?:;|$)/) || [])[1]
  }

  function setCookie(value, age, domain) {
    document.cookie = 'tr_vid=' + value + ';path=/;SameSite=Lax;max-age=' + age +
      (domain ? ';domain=' + domain : '') + (location.protocol == 'https:' ? ';Secure' : '')
  }

  function forget() {
    visitor = path = undefined
    setCookie('', 0, domain)
    setCookie('', 0)
  }

  function remember(id) {
    visitor = id
    if (foreign || domain && cookie() != id) setCookie(id, 34560000, domain)
  }

  function known() {
    answered = 1
    waiting.splice(0).forEach(function (callback) { setTimeout(callback, 0, visitor) })
  }

  function body(hits) {
    return JSON.stringify({ workspace: data.workspace, visitor: visitor, sent_at: Date.now(), hits: hits })
  }

  function add(type, more) {
    if (!allowed) return
    queue.push(Object.assign({ id: uuid(), type: type, at: Date.now(), url: location.href }, more))
    timer = timer || setTimeout(flush, 1000)
    if (queue.length > 9 || body(queue).length > 48e3) flush()
  }

  function batch() {
    var hits = queue.splice(0, 10)
    while (hits.length > 1 && body(hits).length > 48e3) queue.unshift(hits.pop())
    return hits
  }

  function flush() {
    clearTimeout(timer)
    timer = 0
    while (queue.length) send({ hits: batch(), tries: 0 })
  }

  function send(job) {
    fetch(endpoint, {
      method: 'POST', body: body(job.hits), keepalive: true, credentials: 'include',
      headers: { 'Content-Type': 'text/plain' }
    }).then(function (response) {
      if (response.ok) {
        return response.json().then(function (answer) {
          // A refusal may have come meanwhile, and the answer a cookie.
          if (!allowed) return forget()
          if (answer.visitor) remember(answer.visitor)
          known()
        })
      }
      if (never.includes(response.status)) known()
      else again(job, response.headers.get('Retry-After'))
    }).catch(function () { again(job) })
  }

  function again(job, after) {
    known()
    // Unsaid or a date: by the schedule.
    if (!allowed || ++job.tries > 9) return
    var wait = 3000 * Math.pow(2, job.tries - 1) * (1 + Math.random() / 2)
    retries.push(job)
    job.timer = setTimeout(function () {
      retries.splice(retries.indexOf(job), 1)
      send(job)
    }, Math.max(+after * 1000 || 0, wait))
  }

  function leave() {
    retries.splice(0).forEach(function (job) {
      clearTimeout(job.timer)
      queue = job.hits.concat(queue)
    })
    while (queue.length) {
      var hits = batch()
      if (!navigator.sendBeacon(endpoint, body(hits))) send({ hits: hits, tries: 9 })
    }
  }

  function pageview() {
    if (!allowed) return
    path = location.pathname
    add('pageview', { referrer: referrer })
    referrer = location.href
  }

  function moved() {
    if (location.pathname != path) pageview()
  }

  function start() {
    remember(cookie() || uuid())
    pageview()
  }

  var commands = {
    pageview: pageview,
    identify: function (email, options) {
      add('identify', { email: email, proof: (options || {}).proof })
      flush()
    },
    visitor: function (callback) {
      waiting.push(callback)
      if (answered && visitor) known()
    },
    consent: function (yes) {
      var was = allowed
      allowed = yes
      if (yes && !was) start()
      if (!yes) {
        queue = []
        retries.splice(0).forEach(function (job) { clearTimeout(job.timer) })
        forget()
      }
    }
  }

  function trackrev(name) {
    if (commands[name]) commands[name].apply(null, [].slice.call(arguments, 1))
  }

  function begin() {
    var calls = [].slice.call((window.trackrev || {}).q || [])
    window.trackrev = trackrev
    // What was said of consent before this script came counts before anything is stored.
    calls.forEach(function (call) {
      if (call[0] != 'consent') return
      allowed = call[1]
      if (!allowed) forget()
    })
    if (allowed) start()
    calls.forEach(function (call) { if (call[0] != 'consent') trackrev.apply(null, call) })

    ;['pushState', 'replaceState'].forEach(function (name) {
      var original = history[name]
      history[name] = function () {
        var result = original.apply(this, arguments)
        moved()
        return result
      }
    })
    window.addEventListener('popstate', moved)
    window.addEventListener('pageshow', function (event) { if (event.persisted) pageview() })
    window.addEventListener('pagehide', leave)
    document.addEventListener('visibilitychange', function () { if (document.visibilityState == 'hidden') flush() })
    document.addEventListener('submit', function (event) {
      event.target.querySelectorAll('input[data-trackrev-email]').forEach(function (input) {
        if (input.value) trackrev('identify', input.value)
      })
    }, true)
  }

  // A page that is only rendered in advance has not been seen.
  if (document.prerendering) document.addEventListener('prerenderingchange', begin, { once: true })
  else begin()
})(window, document)
