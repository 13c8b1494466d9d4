//! How the generated functions build their request: without a header that nobody asked for, and with the query in one piece.
//!
//! progenitor sends the version of the spec with every call, and goes through the address once for each query parameter.

use syn::{Expr, ExprMethodCall, ImplItemFn, Stmt, parse_quote};

/// How many elements serde takes in a tuple.
const LONGEST_TUPLE: usize = 16;

/// Edits one generated function; one that is built otherwise stays as it is.
pub(crate) fn edit(method: &mut ImplItemFn) {
    // A list is sent as one pair for each item, which a pair of its own cannot say.
    let single = !text(&method.sig.inputs).contains("Vec <");
    let block = &mut method.block;
    block.stmts.retain(|statement| !is_api_version(statement));
    let headers = block.stmts.iter().filter(|statement| mentions_headers(statement)).count();
    if headers == 2 {
        // Its declaration, and its use in the chain.
        block.stmts.retain(|statement| !matches!(statement, Stmt::Local(local) if declares_headers(local)));
    }
    for statement in &mut block.stmts {
        let Stmt::Local(local) = statement else { continue };
        let Some(init) = &mut local.init else { continue };
        let Expr::Try(tried) = init.expr.as_mut() else { continue };
        if headers == 2 {
            without_headers(&mut tried.expr);
        }
        if single {
            join_query(&mut tried.expr);
        }
    }
}

fn text(tokens: &impl quote::ToTokens) -> String {
    quote::quote!(#tokens).to_string()
}

fn is_api_version(statement: &Stmt) -> bool {
    matches!(statement, Stmt::Expr(Expr::MethodCall(_), _)) && text(statement).contains("\"api-version\"")
}

fn mentions_headers(statement: &Stmt) -> bool {
    text(statement).contains("header_map")
}

fn declares_headers(local: &syn::Local) -> bool {
    text(&local.pat).ends_with("header_map")
}

/// Takes `.headers(header_map)` out of a chain of calls.
fn without_headers(expr: &mut Expr) {
    let Expr::MethodCall(call) = expr else { return };
    if call.method == "headers" {
        *expr = (*call.receiver).clone();
    } else {
        without_headers(&mut call.receiver);
    }
}

/// Turns a run of `.query(&QueryParam::new(NAME, &VALUE))` into one call with all pairs; one whose value is `None` sends
/// nothing.
fn join_query(expr: &mut Expr) {
    let Expr::MethodCall(call) = expr else { return };
    if call.method != "query" {
        return join_query(&mut call.receiver);
    }
    let mut pairs = Vec::new();
    let mut rest: &Expr = expr;
    while let Expr::MethodCall(call) = rest {
        let Some(pair) = pair(call) else { break };
        pairs.push(pair);
        rest = &call.receiver;
    }
    pairs.reverse();
    let mut chain = rest.clone();
    for pairs in pairs.chunks(LONGEST_TUPLE) {
        chain = parse_quote!(#chain.query(&(#(#pairs,)*)));
    }
    *expr = chain;
}

fn pair(call: &ExprMethodCall) -> Option<Expr> {
    let Some(Expr::Reference(argument)) = call.args.first().filter(|_| call.method == "query") else { return None };
    let Expr::Call(new) = argument.expr.as_ref() else { return None };
    match (text(&new.func).replace(' ', "").as_str(), new.args.iter().collect::<Vec<_>>().as_slice()) {
        ("progenitor_client::QueryParam::new", [name, value]) => Some(parse_quote!((#name, #value))),
        _ => None,
    }
}
